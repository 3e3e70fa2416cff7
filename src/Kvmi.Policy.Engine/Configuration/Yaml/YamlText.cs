using System.Text;

namespace Kvmi.Policy.Engine.Configuration.Yaml;

/// <summary>From bytes to text: size, UTF-8 and NULs are checked before the parser sees anything.</summary>
internal static class YamlText
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string? Decode(ReadOnlySpan<byte> bytes, FindingList findings)
    {
        if (bytes.Length > YamlReader.LargestFile)
        {
            findings.Error(0, 0, FindingCodes.FileTooLarge, $"The file has more than {YamlReader.LargestFile} bytes, which no policy needs.");
            return null;
        }

        if (bytes.StartsWith(Encoding.UTF8.Preamble))
        {
            bytes = bytes[Encoding.UTF8.Preamble.Length..];
        }

        var nul = bytes.IndexOf((byte)0);
        if (nul >= 0)
        {
            Report(bytes, nul, "a NUL byte", findings);
            return null;
        }

        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException exception)
        {
            Report(bytes, Math.Clamp(exception.Index, 0, bytes.Length), "a byte that is not UTF-8", findings);
            return null;
        }
    }

    private static void Report(ReadOnlySpan<byte> bytes, int offset, string what, FindingList findings)
    {
        var before = bytes[..offset];
        var line = before.Count((byte)'\n') + 1;
        var column = offset - before.LastIndexOf((byte)'\n');
        findings.Error(line, column, FindingCodes.NotText, $"The file contains {what} at offset {offset}; policy files are UTF-8 text.");
    }
}
