using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>
/// The RFC 5424 form of a record. Everything is printable ASCII: what a guest wrote can neither end a message nor a parameter, and no receiver has to
/// guess an encoding. A message has at most <see cref="MaxLength"/> bytes; fields that find no room are left out and counted.
/// </summary>
internal sealed class SyslogMessage
{
    /// <summary>Most bytes of a message. RFC 5424 asks receivers for 2048; those that are in use take 8 KiB.</summary>
    public const int MaxLength = 8192;

    /// <summary>The number that stands for no enterprise in documents (RFC 5612): this project has none.</summary>
    public const int DocumentationEnterprise = 32473;

    private static readonly FrozenSet<string> Troubles = FrozenSet.ToFrozenSet(
    [
        "command-error", "disarmed", "lease-error", "load-failed", "lost-output", "patch-refused", "patches-left", "policy-error", "quarantined", "refused", "released",
        "reload-failed", "sink-failed", "timeout",
    ]);

    private const int MaxText = 2048;
    private const int MaxOwnValue = 128;
    private const int MaxFieldValue = 1024;
    private const int MaxNameLength = 32;
    private const int RoomForText = MaxText + 64;

    private readonly ArrayBufferWriter<byte> _bytes = new(MaxLength);
    private readonly ArrayBufferWriter<byte> _lineBytes = new(1024);
    private readonly TextLineRenderer _renderer = new();
    private readonly StringBuilder _text = new(MaxLength);
    private readonly int _facility;
    private readonly int _enterprise;
    private readonly string _host;
    private readonly int _process;

    /// <summary>Makes a writer.</summary>
    /// <param name="facility">Facility of all messages.</param>
    /// <param name="enterprise">Private enterprise number of the structured data.</param>
    /// <param name="host">Name of this machine.</param>
    /// <param name="process">Id of this process.</param>
    public SyslogMessage(SyslogFacility facility, int enterprise, string host, int process)
    {
        _facility = (int)facility;
        _enterprise = enterprise;
        _host = Name(host, 255);
        _process = process;
    }

    /// <summary>Renders a record. The bytes are valid until the next call.</summary>
    public ReadOnlyMemory<byte> Render(OutputRecord record)
    {
        _text.Clear();
        _text.Append(
            CultureInfo.InvariantCulture,
            $"<{(_facility * 8) + SeverityOf(record)}>1 {record.Time.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'} {_host} kvmi-policy {_process} {TypeOf(record)} ");
        StructuredData(record);
        _text.Append(' ');
        Text(record);
        _bytes.ResetWrittenCount();
        foreach (var chunk in _text.GetChunks())
        {
            Encoding.ASCII.GetBytes(chunk.Span, _bytes);
        }

        return _bytes.WrittenMemory;
    }

    /// <summary>RFC 5424, table 2: 2 critical, 3 error, 4 warning, 5 notice, 6 informational.</summary>
    public static int SeverityOf(OutputRecord record) => record switch
    {
        NoticeOutput { IsAlert: true } alert => Of(alert.Severity),
        SuppressedAlertsOutput suppressed => Of(suppressed.Severity),
        NoticeOutput => 6,
        DecisionOutput => 5,
        FindingOutput finding => finding.Finding.Severity == FindingSeverity.Error ? 3 : 4,
        StatusOutput status => Troubles.Contains(status.Status) ? 4 : 5,
        _ => 6,
    };

    private static int Of(PolicySeverity severity) => severity switch
    {
        PolicySeverity.Critical => 2,
        PolicySeverity.High => 3,
        PolicySeverity.Medium => 4,
        PolicySeverity.Low => 5,
        _ => 6,
    };

    private static string TypeOf(OutputRecord record) => record switch
    {
        NoticeOutput { IsAlert: true } => "alert",
        NoticeOutput => "record",
        SuppressedAlertsOutput => "suppressed",
        DecisionOutput => "decision",
        StatusOutput => "status",
        FindingOutput => "finding",
        _ => "summary",
    };

    private void StructuredData(OutputRecord record)
    {
        _text.Append(CultureInfo.InvariantCulture, $"[kvmi@{_enterprise}");
        Parameter("vm", record.Vm);
        IReadOnlyList<OutputField> fields = [];
        switch (record)
        {
            case NoticeOutput notice:
                Parameter("vcpu", notice.Vcpu?.ToString(CultureInfo.InvariantCulture));
                Parameter("event", notice.Event is { } kind ? Words.Of(kind) : null);
                Parameter("policy", notice.Policy);
                Parameter("name", notice.Name);
                Parameter("severity", Words.CamelCase(notice.Severity.ToString()));
                Parameter("mode", Words.CamelCase(notice.Mode.ToString()));
                fields = notice.Fields;
                break;
            case SuppressedAlertsOutput suppressed:
                Parameter("policy", suppressed.Policy);
                Parameter("name", suppressed.Name);
                Parameter("severity", Words.CamelCase(suppressed.Severity.ToString()));
                Parameter("mode", Words.CamelCase(suppressed.Mode.ToString()));
                Parameter("count", suppressed.Count.ToString(CultureInfo.InvariantCulture));
                Parameter("seconds", suppressed.Window.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture));
                fields = suppressed.Fields;
                break;
            case DecisionOutput decision:
                Parameter("vcpu", decision.Vcpu.ToString(CultureInfo.InvariantCulture));
                Parameter("event", Words.Of(decision.Event));
                Parameter("policy", decision.Policy);
                Parameter("decision", Words.Of(decision.Decision));
                Parameter("wouldHave", decision.WouldHave is { } would ? Words.Of(would) : null);
                Parameter("subject", decision.Subject);
                break;
            case StatusOutput status:
                Parameter("status", status.Status);
                Parameter("policy", status.Policy);
                fields = status.Fields;
                break;
            default:
                break;
        }

        _text.Append(']');
        Fields(fields);
    }

    // The policy's own fields have an element of their own, so that none can pass for one of ours.
    private void Fields(IReadOnlyList<OutputField> fields)
    {
        if (fields.Count == 0)
        {
            return;
        }

        _text.Append(CultureInfo.InvariantCulture, $"[fields@{_enterprise}");
        var left = 0;
        foreach (var field in fields)
        {
            var before = _text.Length;
            Parameter(Name(field.Name, MaxNameLength), TextLineRenderer.Value(field.Value), MaxFieldValue);
            if (_text.Length > MaxLength - RoomForText)
            {
                _text.Length = before;
                left++;
            }
        }

        _text.Append(']');
        if (left > 0)
        {
            _text.Append(CultureInfo.InvariantCulture, $"[cut@{_enterprise} fields=\"{left}\"]");
        }
    }

    private void Parameter(string name, string? value, int most = MaxOwnValue)
    {
        if (value is null)
        {
            return;
        }

        _text.Append(' ').Append(name).Append("=\"");
        foreach (var character in value.Length > most ? value[..most] : value)
        {
            // RFC 5424, 6.3.3: these three have to be escaped.
            switch (character)
            {
                case '"' or '\\' or ']':
                    _text.Append('\\').Append(character);
                    break;
                case >= ' ' and <= '~':
                    _text.Append(character);
                    break;
                default:
                    _text.Append(CultureInfo.InvariantCulture, $"\\\\u{(int)character:x4}");
                    break;
            }
        }

        _text.Append('"');
    }

    // The line that people see on the console, without its time.
    private void Text(OutputRecord record)
    {
        _lineBytes.ResetWrittenCount();
        _renderer.Render(record, _lineBytes);
        var line = Encoding.UTF8.GetString(_lineBytes.WrittenSpan).TrimEnd('\n');
        if (line.Length > 13 && line[2] == ':' && line[5] == ':' && line[8] == '.')
        {
            line = line[13..];
        }

        var room = Math.Min(MaxText, MaxLength - _text.Length);
        foreach (var character in line)
        {
            var text = character is >= ' ' and <= '~' ? character.ToString()
                : character == '\n' ? " | "
                : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
            if ((room -= text.Length) < 0)
            {
                return;
            }

            _text.Append(text);
        }
    }

    private static string Name(string text, int most)
    {
        var name = new string([.. text.Select(character => character is > ' ' and <= '~' and not ('=' or ']' or '"') ? character : '_').Take(most)]);
        return name.Length == 0 ? "-" : name;
    }
}
