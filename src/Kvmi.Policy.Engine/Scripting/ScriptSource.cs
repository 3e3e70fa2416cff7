using System.Text;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>The text of a policy's script, with the line numbers of the file that it stands in.</summary>
/// <param name="PolicyId">The policy.</param>
/// <param name="Path">The script file; for an inline script, the policy file.</param>
/// <param name="Text">The text; an inline script is moved down to the lines that it has in the policy file.</param>
/// <param name="Indent">Columns that the policy file indents an inline script by; 0 for script files.</param>
internal sealed record ScriptSource(string PolicyId, string Path, string Text, int Indent)
{
    /// <summary>Scripts and loaded files larger than this are refused.</summary>
    public const int MaxBytes = 1024 * 1024;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Folder that #load is bound to.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;

    /// <summary>Gets the script of a policy; null with a finding when its file cannot be read.</summary>
    public static ScriptSource? Read(PolicyDefinition definition, ICollection<Finding> findings)
    {
        if (definition.Code.InlineText is { } inline)
        {
            var firstLine = Math.Max(1, definition.Code.InlineLine);
            return new(definition.Id, definition.File, new string('\n', firstLine - 1) + inline, IndentOf(definition, inline, firstLine));
        }

        var path = definition.Code.ScriptFile!;
        if (TryReadText(path, out var text, out var problem))
        {
            if (!string.IsNullOrWhiteSpace(text))
                return new(definition.Id, path, text, 0);

            // Editors truncate before they write; a reload may come between the two and finds the old set still in force.
            findings.Add(new(new(path), FindingSeverity.Error, CodeFindings.ScriptUnreadable,
                $"policy '{definition.Id}': the script holds nothing", "save it again; a policy without a script needs no .csx file"));
            return null;
        }

        findings.Add(new(definition.Code.Location, FindingSeverity.Error, CodeFindings.ScriptUnreadable,
            $"policy '{definition.Id}': the script {path} cannot be read: {problem}", SuggestFile(path)));
        return null;
    }

    /// <summary>Reads a bounded UTF-8 file.</summary>
    public static bool TryReadText(string path, out string text, out string problem)
    {
        text = "";
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[MaxBytes + 1];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > MaxBytes)
            {
                problem = $"it is larger than {MaxBytes} bytes";
                return false;
            }

            var content = bytes.AsSpan(0, length);
            text = Utf8.GetString(content.StartsWith(Encoding.UTF8.Preamble) ? content[3..] : content);
            problem = "";
            return true;
        }
        catch (DecoderFallbackException)
        {
            problem = "it is not UTF-8 text";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problem = exception is FileNotFoundException or DirectoryNotFoundException ? "there is no such file" : exception.Message;
        }

        return false;
    }

    // The YAML reader has taken the indentation away; the file still shows it, unless it changed meanwhile.
    private static int IndentOf(PolicyDefinition definition, string inline, int firstLine)
    {
        if (!TryReadText(definition.File, out var text, out _))
            return 0;

        var line = text.Split('\n').ElementAtOrDefault(firstLine - 1)?.TrimEnd() ?? "";
        var wanted = inline.Split('\n')[0].TrimEnd();
        return wanted.Length > 0 && line.EndsWith(wanted, StringComparison.Ordinal) && string.IsNullOrWhiteSpace(line[..^wanted.Length])
            ? line.Length - wanted.Length
            : 0;
    }

    private static string? SuggestFile(string path)
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path));
        if (!Directory.Exists(folder))
            return null;

        var scripts = Directory.EnumerateFiles(folder, "*.csx").Take(100).Select(System.IO.Path.GetFileName).OfType<string>();
        return NameSuggestion.Hint(System.IO.Path.GetFileName(path), scripts);
    }
}
