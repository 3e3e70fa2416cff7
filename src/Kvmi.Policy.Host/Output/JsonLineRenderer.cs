using System.Buffers;
using System.Text.Json;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.Output;

/// <summary>
/// JSON lines as json-lines.md documents them. Every line has type and time; 64-bit values are hexadecimal strings, counts are
/// numbers. All text passes the writer's escaping, so guest bytes cannot break a line.
/// </summary>
internal sealed class JsonLineRenderer : ILineRenderer
{
    /// <summary>Version of json-lines.schema.json. A new member or type leaves it as it is; one that goes or changes its meaning does not.</summary>
    public const int SchemaVersion = 1;

    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    public void Render(OutputRecord record, IBufferWriter<byte> destination)
    {
        using (var json = new Utf8JsonWriter(destination, new JsonWriterOptions { Indented = false }))
        {
            json.WriteStartObject();
            json.WriteString("type", TypeOf(record));
            json.WriteString("time", record.Time.UtcDateTime.ToString(TimeFormat, System.Globalization.CultureInfo.InvariantCulture));
            json.WriteNumber("schemaVersion", SchemaVersion);
            Text(json, "vm", record.Vm);
            WriteBody(json, record);
            json.WriteEndObject();
        }

        destination.Write("\n"u8);
    }

    /// <summary>The word of the member type.</summary>
    public static string TypeOf(OutputRecord record) => record switch
    {
        DecisionOutput or ReplayOutput => "decision",
        NoticeOutput { IsAlert: true } => "alert",
        NoticeOutput => "record",
        SuppressedAlertsOutput => JsonAlerts.SuppressedType,
        StatusOutput or TestOutput => "status",
        ListedTestOutput => "test",
        CoverageOutput => "coverage",
        FindingOutput => "finding",
        CheckOutput => "check",
        MessageOutput => "message",
        CatalogueOutput => "entry",
        CountsOutput => "counts",
        ParameterOutput => "parameter",
        DialectOutput dialect => JsonDialect.TypeOf(dialect),
        ControlOutput control => control.Type,
        TraceOutput trace => trace.Type,
        PluginOutput => "plugin",
        ProbeOutput => "probe",
        _ => "summary",
    };

    private static void WriteBody(Utf8JsonWriter json, OutputRecord record)
    {
        switch (record)
        {
            case DecisionOutput decision: Decision(json, decision); break;
            case ReplayOutput replay: Replay(json, replay); break;
            case NoticeOutput notice: Notice(json, notice); break;
            case SuppressedAlertsOutput suppressed: JsonAlerts.Write(json, suppressed); break;
            case StatusOutput status: Status(json, status); break;
            case TestOutput test: Test(json, test); break;
            case ListedTestOutput listed: listed.WriteJson(json); break;
            case CoverageOutput coverage: coverage.WriteJson(json); break;
            case FindingOutput finding: FindingLine(json, finding.Finding); break;
            case CheckOutput check: Check(json, check); break;
            case MessageOutput message: Message(json, message); break;
            case PolicySummaryOutput policy: PolicySummary(json, policy.Summary); break;
            case RunSummaryOutput run: RunSummary(json, run); break;
            case SinkSummaryOutput sink: JsonSinks.Write(json, sink.State); break;
            case SimulationSummaryOutput simulation: JsonSimulation.Write(json, simulation.Result); break;
            case CountsOutput counts: counts.WriteJson(json); break;
            case ParameterOutput parameter: parameter.WriteJson(json); break;
            case DialectOutput dialect: JsonDialect.Write(json, dialect); break;
            case TotalsOutput totals: Totals(json, totals); break;
            case ControlOutput control: control.WriteMembers(json); break;
            case TraceOutput trace: trace.WriteJson(json); break;
            case PluginOutput plugin: plugin.WriteJson(json); break;
            case ProbeOutput probe: json.WriteString("file", probe.Probe.Path); json.WriteString("outcome", probe.Probe.Outcome); break;
            case CatalogueOutput entry: JsonSimulation.Write(json, entry); break;
            default: throw new ArgumentException($"No JSON form for {record.GetType().Name}.", nameof(record));
        }
    }

    private static void Decision(Utf8JsonWriter json, DecisionOutput record)
    {
        json.WriteNumber("vcpu", record.Vcpu);
        json.WriteString("event", Words.Of(record.Event));
        Text(json, "policy", record.Policy);
        json.WriteString("decision", Words.Of(record.Decision));
        Hex(json, "value", record.Value);
        Kind(json, "wouldHave", record.WouldHave);
        json.WriteString("reason", record.Reason);
        json.WriteString("subject", record.Subject);
        Hex(json, "wanted", record.Wanted);
        Hex(json, "rip", record.Rip);
    }

    private static void Replay(Utf8JsonWriter json, ReplayOutput record)
    {
        json.WriteNumber("vcpu", record.Vcpu);
        json.WriteString("event", Words.Of(record.Event));
        Text(json, "policy", record.Policy);
        json.WriteString("decision", Words.Of(record.Decision));
        Hex(json, "value", record.Value);
        Kind(json, "wouldHave", record.WouldHave);
        json.WriteString("reason", record.Reason);
        json.WriteString("subject", record.Subject);
        json.WriteNumber("seq", record.Sequence);
        json.WriteString("match", record.Match);
        if (record.RecordedAction is { } action)
        {
            json.WriteString("recordedAction", Words.CamelCase(action.ToString()));
        }

        Hex(json, "recordedValue", record.RecordedValue);
        record.WriteTraceMembers(json);
    }

    private static void Notice(Utf8JsonWriter json, NoticeOutput record)
    {
        if (record.Vcpu is { } vcpu)
        {
            json.WriteNumber("vcpu", vcpu);
        }

        if (record.Event is { } kind)
        {
            json.WriteString("event", Words.Of(kind));
        }

        json.WriteString("policy", record.Policy);
        json.WriteString("name", record.Name);
        json.WriteString("severity", Words.CamelCase(record.Severity.ToString()));
        json.WriteString("mode", Words.CamelCase(record.Mode.ToString()));
        Fields(json, record.Fields);
    }

    private static void Status(Utf8JsonWriter json, StatusOutput record)
    {
        Text(json, "policy", record.Policy);
        json.WriteString("status", record.Status);
        json.WriteString("reason", record.Message);
        if (record.Fields.Count > 0)
        {
            Fields(json, record.Fields);
        }
    }

    private static void Test(Utf8JsonWriter json, TestOutput record)
    {
        json.WriteString("policy", record.Policy);
        json.WriteString("status", record.Passed ? "test-passed" : "test-failed");
        json.WriteString("test", record.Test);
        Location(json, record.Location);
        if (record.Failures.Count > 0)
        {
            json.WriteString("reason", string.Join("; ", record.Failures));
        }

        if (record.Step > 0)
        {
            json.WriteNumber("step", record.Step);
        }

        if (record.Seen.Count > 0)
        {
            json.WritePropertyName("seen");
            JsonValue.Write(json, record.Seen);
        }

        json.WriteNumber("milliseconds", Math.Round(record.Elapsed.TotalMilliseconds, 3));
    }

    private static void FindingLine(Utf8JsonWriter json, Finding finding)
    {
        Location(json, finding.Location);
        json.WriteString("severity", Words.CamelCase(finding.Severity.ToString()));
        json.WriteString("code", finding.Code);
        json.WriteString("reason", finding.Message);
        Text(json, "hint", finding.Hint);
    }

    private static void Check(Utf8JsonWriter json, CheckOutput record)
    {
        json.WriteString("check", record.Finding.Check);
        json.WriteString("status", Words.CamelCase(record.Finding.Status.ToString()));
        json.WriteString("reason", record.Finding.Found);
        Text(json, "hint", record.Finding.Advice);
        if (record.Finding.Fields.Count > 0)
        {
            Fields(json, record.Finding.Fields);
        }
    }

    private static void Message(Utf8JsonWriter json, MessageOutput record)
    {
        if (record.Vcpu is { } vcpu)
        {
            json.WriteNumber("vcpu", vcpu);
        }

        Text(json, "event", record.Event);
        json.WriteString("direction", record.Direction);
        Number(json, "id", record.Id);
        json.WriteString("name", record.Name);
        json.WriteString("role", record.Role);
        Number(json, "seq", record.Sequence);
        Number(json, "error", record.Error);
        if (record.Milliseconds is { } milliseconds)
        {
            json.WriteNumber("t", milliseconds);
        }

        json.WriteNumber("line", record.Line);
        Number(json, "offset", record.Offset);
        Text(json, "reason", record.Reason);
        Fields(json, record.Fields);
    }

    private static void PolicySummary(Utf8JsonWriter json, PolicySummary summary)
    {
        json.WriteString("policy", summary.Id);
        json.WriteString("summary", "policy");
        json.WriteString("version", summary.Version);
        json.WriteString("mode", Words.CamelCase(summary.Mode.ToString()));
        json.WriteBoolean("live", summary.IsLive);
        json.WriteNumber("events", summary.Events);
        Counts(json, "decisions", summary.Decisions.Select(entry => (Words.Of(entry.Key), entry.Value)));
        Counts(json, "wouldHave", summary.WouldHave.Select(entry => (Words.Of(entry.Key), entry.Value)));
        json.WriteNumber("alerts", summary.Alerts);
        json.WriteNumber("suppressedAlerts", summary.SuppressedAlerts);
        json.WriteNumber("records", summary.Records);
        json.WriteNumber("suppressedRecords", summary.SuppressedRecords);
        json.WriteNumber("overRate", summary.OverRate);
        json.WriteNumber("errors", summary.Errors);
        json.WriteNumber("timeouts", summary.Timeouts);
        json.WriteNumber("p50Nanoseconds", summary.P50Nanoseconds);
        json.WriteNumber("p99Nanoseconds", summary.P99Nanoseconds);
        json.WriteStartArray("facts");
        foreach (var fact in summary.Facts)
        {
            json.WriteStartObject();
            json.WriteString("vm", fact.Vm);
            json.WriteString("name", fact.Name);
            json.WriteNumber("value", fact.Value);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void RunSummary(Utf8JsonWriter json, RunSummaryOutput record)
    {
        json.WriteString("summary", "run");
        json.WriteString("end", record.End);
        json.WriteNumber("vms", record.Vms);
        json.WriteNumber("events", record.Events);
        json.WriteNumber("alerts", record.Alerts);
        json.WriteNumber("lostOutput", record.LostOutput);
        json.WriteNumber("reloads", record.Reloads);
        json.WriteNumber("failedReloads", record.FailedReloads);
        json.WriteNumber("refusedPeers", record.RefusedPeers);
        json.WriteNumber("elapsedMilliseconds", (long)record.Elapsed.TotalMilliseconds);
        var deadlines = record.Deadlines;
        json.WriteNumber("timeouts", deadlines.Timeouts);
        json.WriteNumber("lateResults", deadlines.LateResults);
        json.WriteNumber("abandonedThreads", deadlines.AbandonedThreads);
        json.WriteNumber("abandonedNow", deadlines.AbandonedNow);
        json.WriteNumber("p50LatenessMicroseconds", (long)deadlines.P50Lateness.TotalMicroseconds);
        json.WriteNumber("p99LatenessMicroseconds", (long)deadlines.P99Lateness.TotalMicroseconds);
        json.WriteNumber("maxLatenessMicroseconds", (long)deadlines.MaxLateness.TotalMicroseconds);
        json.WriteNumber("gcPauseMicroseconds", (long)deadlines.TotalGcPause.TotalMicroseconds);
        json.WriteNumber("maxGcPauseMicroseconds", (long)deadlines.MaxGcPause.TotalMicroseconds);
        json.WriteBoolean("realTimeWatchdog", deadlines.IsRealTime);
        json.WriteNumber("allocatedBytes", record.Memory.AllocatedBytes);
        json.WriteStartArray("gcCollections");
        json.WriteNumberValue(record.Memory.Generation0);
        json.WriteNumberValue(record.Memory.Generation1);
        json.WriteNumberValue(record.Memory.Generation2);
        json.WriteEndArray();
        FaultCounts.Write(json, record.Faults);
        WorkerCounts.Write(json, record.Workers);
    }

    private static void Totals(Utf8JsonWriter json, TotalsOutput record)
    {
        json.WriteString("summary", record.Kind);
        foreach (var (name, value) in record.Counts)
        {
            json.WriteNumber(name, value);
        }
    }

    private static void Fields(Utf8JsonWriter json, IReadOnlyList<OutputField> fields)
    {
        json.WriteStartObject("fields");
        foreach (var field in fields)
        {
            json.WritePropertyName(field.Name);
            JsonValue.Write(json, field.Value);
        }

        json.WriteEndObject();
    }

    private static void Counts(Utf8JsonWriter json, string name, IEnumerable<(string Name, long Value)> counts)
    {
        json.WriteStartObject(name);
        foreach (var (key, value) in counts)
        {
            json.WriteNumber(key, value);
        }

        json.WriteEndObject();
    }

    private static void Location(Utf8JsonWriter json, SourceLocation location)
    {
        json.WriteString("file", location.File);
        json.WriteNumber("line", location.Line);
        json.WriteNumber("column", location.Column);
    }

    private static void Text(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static void Number(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
    }

    private static void Hex(Utf8JsonWriter json, string name, ulong? value) =>
        Text(json, name, value is { } number ? Words.Hex(number) : null);

    private static void Kind(Utf8JsonWriter json, string name, DecisionKind? value) =>
        Text(json, name, value is { } kind ? Words.Of(kind) : null);
}
