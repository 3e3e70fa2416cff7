using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>The policy file that a one-liner stands for.</summary>
public sealed class OneLinerPolicy
{
    private const int LongestTitle = 200;
    private const ulong PageMask = 0xfff;

    private readonly List<(int Line, int Column, int Position)> _map = [];
    private readonly StringBuilder _yaml = new();
    private readonly OneLiner _line;

    /// <summary>Writes the file.</summary>
    /// <param name="line">The one-liner.</param>
    /// <param name="id">Id of the policy.</param>
    /// <param name="vms">Names of the VMs that it is for, as <c>target.names</c> takes them; empty for all.</param>
    public OneLinerPolicy(OneLiner line, string id, IReadOnlyList<string> vms)
    {
        ArgumentNullException.ThrowIfNull(line);
        ArgumentException.ThrowIfNullOrEmpty(id);
        ArgumentNullException.ThrowIfNull(vms);
        _line = line;
        Write("apiVersion: kvmi.policy/v1");
        Write("kind: Policy");
        Write("metadata:");
        Write($"  id: {id}");
        Write("  version: 0.1.0");
        Write($"  title: {Quote(Title(line.Text))}");
        Write("spec:");
        Write("  mode: audit");
        if (vms.Count > 0)
        {
            Write($"  target: {{ names: [{string.Join(", ", vms.Select(Quote))}] }}");
        }

        foreach (var row in MarkedSpecOf(line).TrimEnd('\n').Split('\n'))
        {
            Write(row);
        }

        if (!line.IsData)
        {
            Write("  script:");
            Write("    inline: |");
            foreach (var row in ScriptLines(line))
            {
                Write(row.Length == 0 ? "" : $"      {row}", indent: 6);
            }
        }

        Yaml = _yaml.ToString();
    }

    /// <summary>The text of the file.</summary>
    public string Yaml { get; }

    /// <summary>The part of spec that says what the policy watches and subscribes to, two columns deep.</summary>
    public static string SpecOf(OneLiner line)
    {
        ArgumentNullException.ThrowIfNull(line);
        return SourceMarks.Strip(MarkedSpecOf(line), []);
    }

    /// <summary>The script; null when the policy needs none.</summary>
    public static string? ScriptOf(OneLiner line)
    {
        ArgumentNullException.ThrowIfNull(line);
        return line.IsData ? null : string.Concat(ScriptLines(line).Select(row => SourceMarks.Strip(row, []) + "\n"));
    }

    /// <summary>Where in the one-liner a place of the file comes from; null when it comes from nowhere in particular.</summary>
    /// <param name="line">Line of the file, from 1.</param>
    /// <param name="column">Column, from 1; columns of the script may be counted without the file's indentation.</param>
    public int? PositionOf(int line, int column)
    {
        int? found = null;
        foreach (var mark in _map)
        {
            if (mark.Line == line && (mark.Column <= column || found is null))
            {
                found = mark.Position;
            }
        }

        return found;
    }

    private static string MarkedSpecOf(OneLiner line)
    {
        var spec = new StringBuilder();
        if (line.Event.Kind == EventKind.PageFault)
        {
            var access = RestrictionOf(line.Subject.Find("access")!.Value);
            spec.Append("  watch:\n");
            foreach (var range in line.Subject.Find("gpa")!.Ranges)
            {
                var last = range.Last | PageMask;
                var pages = last == ulong.MaxValue
                    ? $"{{ first: {ExpressionReader.Hex(range.First & ~PageMask)}, last: {ExpressionReader.Hex(last)} }}"
                    : $"{ExpressionReader.Hex(range.First & ~PageMask)}-{ExpressionReader.Hex(last + 1)}";
                spec.Append(CultureInfo.InvariantCulture, $"    - {{ range: {pages}, access: {access} }}\n");
            }
        }

        spec.Append(CultureInfo.InvariantCulture, $"  subscriptions:\n    - event: {line.Event.Name}\n");
        if (line.Subject.Filters.Count > 0)
        {
            spec.Append(CultureInfo.InvariantCulture, $"      when: {{ {string.Join(", ", line.Subject.Filters.Select(part => $"{SourceMarks.At(part.Position)}{part.Key}: {part.Value}"))} }}\n");
        }

        var alert = line.Outcome.Alerts.Count == 1 ? $", alert: {Quote(line.Outcome.Alerts[0])}" : "";
        spec.Append(line.IsData
            ? $"      then: {{ decision: {DecisionWords.NameOf(line.Decision)}{alert} }}\n"
            : $"      handler: {line.Handler}\n");
        return spec.ToString();
    }

    private static IEnumerable<string> ScriptLines(OneLiner line)
    {
        foreach (var (name, variable) in line.Outcome.Counts)
        {
            yield return $"var {variable} = Facts.Counts(\"{name}\");";
        }

        if (line.Outcome.Counts.Count > 0)
        {
            yield return "";
        }

        yield return $"Decision {line.Handler}({line.Event.HandlerType.Name} e)";
        yield return "{";
        foreach (var condition in line.Subject.Conditions)
        {
            yield return $"    if (!{InBrackets(condition.Code)})";
            yield return "        return Allow;";
            yield return "";
        }

        foreach (var action in line.Outcome.Actions)
        {
            yield return $"    {action}";
        }

        yield return $"    return {line.Outcome.Code};";
        yield return "}";
    }

    private static string InBrackets(string code)
    {
        var plain = SourceMarks.Strip(code, []);
        var depth = 0;
        for (var i = 0; i < plain.Length; i++)
        {
            depth += plain[i] == '(' ? 1 : plain[i] == ')' ? -1 : 0;
            if (depth == 0)
            {
                return i > 0 && i == plain.Length - 1 ? code : $"({code})";
            }
        }

        return $"({code})";
    }

    // What stays allowed when these kinds of access are to fault. No page can be written and not read (Intel SDM volume 3, 28.3.3.1).
    private static string RestrictionOf(string access) => access switch
    {
        "w" => "r-x",
        "x" => "rw-",
        "wx" => "r--",
        "r" or "rw" => "--x",
        _ => "none",
    };

    private static string Title(string text)
    {
        var plain = string.Concat(text.Select(character => character is < ' ' ? ' ' : character));
        return plain.Length > LongestTitle ? plain[..(LongestTitle - 3)] + "..." : plain;
    }

    private static string Quote(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private void Write(string row, int indent = 0)
    {
        var marks = new List<(int Column, int Position)>();
        var plain = SourceMarks.Strip(row, marks);
        var number = 1;
        for (var i = 0; i < _yaml.Length; i++)
        {
            number += _yaml[i] == '\n' ? 1 : 0;
        }

        // The compiler counts the columns of an inline script without the indentation, unless the file is on disk.
        _map.AddRange(marks.Select(mark => (number, mark.Column - indent, mark.Position)));
        _yaml.Append(plain).Append('\n');
    }
}
