using System.Text;
using YamlDotNet.Core;

namespace Kvmi.Policy.Engine.Configuration.Yaml;

/// <summary>
/// Turns the bytes of a file into <see cref="YamlNode"/>s. It walks the parser's events with its own stack, so that nesting
/// cannot exhaust the thread's (YamlDotNet's own document loader recurses), and stops at fixed bounds of size, depth and
/// number. What policies must not use (anchors, aliases, tags, merge keys, several documents) is refused here.
/// </summary>
internal static class YamlReader
{
    public const int LargestFile = 1024 * 1024;
    public const int DeepestNesting = 64;
    public const int MostNodes = 50_000;

    /// <summary>Reads one document; null after an error, which is then among the findings.</summary>
    public static YamlNode? Read(ReadOnlySpan<byte> bytes, FindingList findings)
    {
        var text = YamlText.Decode(bytes, findings);
        if (text is null)
        {
            return null;
        }

        var parser = new Parser(new StringReader(text));
        try
        {
            return new YamlTreeBuilder(findings).Build(parser);
        }
        catch (YamlException exception)
        {
            if (!ReportTab(text, findings))
            {
                findings.Error((int)exception.Start.Line, (int)exception.Start.Column, FindingCodes.YamlSyntax, $"This is no valid YAML: {Tidy(exception.Message)}");
            }
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or FormatException or OverflowException or IndexOutOfRangeException)
        {
            // The scanner is not proof against every byte sequence; whatever it trips over is the file's fault.
            var place = parser.Current?.End ?? Mark.Empty;
            findings.Error((int)place.Line, (int)place.Column, FindingCodes.YamlSyntax, $"This is no valid YAML: {Tidy(exception.Message)}");
        }

        return null;
    }

    /// <summary>The parser tells of a tab at the beginning of whatever it stands in, which may be the whole file.</summary>
    private static bool ReportTab(string text, FindingList findings)
    {
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            var column = line.IndexOfAnyExcept(' ');
            if (column >= 0 && line[column] == '\t' && !line.Trim().IsEmpty)
            {
                findings.Error(number, column + 1, FindingCodes.YamlSyntax, "This is no valid YAML: a tab cannot indent.", "use spaces");
                return true;
            }
        }

        return false;
    }

    private static string Tidy(string message)
    {
        var builder = new StringBuilder(message.Length);
        foreach (var character in message.AsSpan(0, Math.Min(message.Length, 300)))
        {
            builder.Append(char.IsControl(character) ? ' ' : character);
        }

        return builder.ToString().TrimEnd('.', ' ') + ".";
    }
}
