using System.Buffers;
using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Doctor;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.Output;

/// <summary>Short lines for people. Everything that a guest, a peer or a file wrote passes <see cref="TerminalText"/>.</summary>
internal sealed class TextLineRenderer : ILineRenderer
{
    private readonly StringBuilder _line = new(512);

    public void Render(OutputRecord record, IBufferWriter<byte> destination)
    {
        _line.Clear();
        switch (record)
        {
            case DecisionOutput decision: Decision(decision); break;
            case NoticeOutput notice: Notice(notice); break;
            case SuppressedAlertsOutput suppressed: TextAlerts.Write(Begin(suppressed, "alerts"), suppressed, Value); Place(suppressed.Vm, null); break;
            case StatusOutput status: Status(status); break;
            case FindingOutput finding: Finding(finding); break;
            case CheckOutput check: Check(check); break;
            case TestOutput test: Test(test); break;
            case ListedTestOutput listed: listed.WriteText(_line); break;
            case CoverageOutput coverage: coverage.WriteText(_line); break;
            case ReplayOutput replay: Replay(replay); break;
            case MessageOutput message: Message(message); break;
            case PolicySummaryOutput policy: PolicySummary(policy.Summary); break;
            case RunSummaryOutput run: RunSummary(run); break;
            case SinkSummaryOutput sink: TextSinks.Write(_line, sink.State); break;
            case SimulationSummaryOutput simulation: TextSimulation.Write(_line, simulation.Result); break;
            case CountsOutput counts: counts.WriteText(_line); break;
            case ParameterOutput parameter: parameter.WriteText(_line); break;
            case DialectOutput dialect: TextDialect.Write(_line, dialect); break;
            case TotalsOutput totals: _line.AppendSafe(totals.Text); break;
            case ControlOutput control: TextControl.Append(_line, control.Text); break;
            case TraceOutput trace: trace.WriteText(_line); break;
            case PluginOutput plugin: plugin.WriteText(_line); break;
            case ProbeOutput probe: _line.Append("probe    ").AppendSafe($"{probe.Probe.Path}: {probe.Probe.Outcome}"); break;
            case CatalogueOutput entry: TextSimulation.Write(_line, entry); break;
            default: throw new ArgumentException($"No text form for {record.GetType().Name}.", nameof(record));
        }

        _line.Append('\n');
        foreach (var chunk in _line.GetChunks())
        {
            Encoding.UTF8.GetBytes(chunk.Span, destination);
        }
    }

    private static string Column(string word) => word.PadRight(9);

    private StringBuilder Begin(OutputRecord record, string word) =>
        _line.Append(record.Time.UtcDateTime.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)).Append(' ').Append(Column(word))
            .Append(' ');

    private void Decision(DecisionOutput record)
    {
        // What audit held back is the news; what is in force instead is the small print.
        var would = record.Decision is DecisionKind.Allow or DecisionKind.Retry ? record.WouldHave : null;
        Begin(record, would is null ? "edit" : "would");
        if (record.Policy is { } policy)
        {
            _line.AppendSafe(policy).Append(": ");
        }

        _line.Append(Words.Of(would ?? record.Decision)).Append(' ').AppendSafe(record.Subject);
        if (would is not null)
        {
            _line.Append(" (in force: ").Append(Words.Of(record.Decision)).Append(')');
        }
        else if (record.Value is { } value)
        {
            _line.Append(" = ").Append(Words.Hex(value));
        }

        if (record.Wanted is { } wanted)
        {
            _line.Append(", the guest wanted ").Append(Words.Hex(wanted));
        }

        Place(record.Vm, record.Vcpu).Append(" rip ").Append(Words.Hex(record.Rip)).Append("; ").AppendSafe(record.Reason);
    }

    private void Notice(NoticeOutput record)
    {
        Begin(record, record.IsAlert ? "ALERT" : "record").AppendSafe(record.Policy).Append(": ").AppendSafe(record.Name);
        if (record.IsAlert)
        {
            _line.Append(" (").Append(Words.CamelCase(record.Severity.ToString())).Append(", ")
                .Append(Words.CamelCase(record.Mode.ToString())).Append(')');
        }

        foreach (var field in record.Fields)
        {
            _line.Append(' ').AppendSafe(field.Name).Append('=').AppendSafe(Value(field.Value));
        }

        Place(record.Vm, record.Vcpu);
    }

    private void Status(StatusOutput record)
    {
        Begin(record, record.Status);
        if (record.Policy is { } policy)
        {
            _line.AppendSafe(policy).Append(": ");
        }

        _line.AppendSafe(record.Message);
        Allowed(record.Fields);
    }

    private void Check(CheckOutput record)
    {
        var word = record.Finding.Status is DoctorStatus.Failure ? "FAILURE" : Words.CamelCase(record.Finding.Status.ToString());
        _line.Append(Column(word)).Append(record.Finding.Check).Append(": ").AppendSafe(record.Finding.Found);
        if (record.Finding.Advice is { } advice)
        {
            _line.Append("\n         -> ").AppendSafe(advice);
        }

        Allowed(record.Finding.Fields);
    }

    private void Finding(FindingOutput record)
    {
        _line.AppendSafe(record.Finding.ToString());
        foreach (var line in record.Excerpt)
        {
            _line.Append('\n').AppendSafe(line);
        }
    }

    private void Test(TestOutput record)
    {
        _line.Append(record.Passed ? "passed  " : "FAILED  ").AppendSafe(record.Policy).Append(": ").AppendSafe(record.Test);
        foreach (var failure in record.Failures)
        {
            _line.Append("\n        ").AppendSafe(failure);
        }

        foreach (var seen in record.Seen)
        {
            _line.Append("\n        seen: ").AppendSafe(seen);
        }
    }

    private void Replay(ReplayOutput record)
    {
        record.WriteTraceText(_line);
        _line.Append(CultureInfo.InvariantCulture, $"seq {record.Sequence} vcpu {record.Vcpu} ").AppendSafe(record.Subject).Append(": ")
            .Append(Words.Of(record.Decision));
        if (record.Value is { } value)
        {
            _line.Append(' ').Append(Words.Hex(value));
        }

        if (record.WouldHave is { } would)
        {
            _line.Append(" (would have: ").Append(Words.Of(would)).Append(')');
        }

        if (record.Policy is { } policy)
        {
            _line.Append(" by ").AppendSafe(policy);
        }

        _line.Append(" | recorded: ");
        if (record.RecordedAction is { } action)
        {
            _line.Append(Words.CamelCase(action.ToString()));
            if (record.RecordedValue is { } recorded)
            {
                _line.Append(' ').Append(Words.Hex(recorded));
            }

            _line.Append(record.Match == "different" ? " | our reply differs" : " | our reply has the same ")
                .Append(record.Match == "different" ? "" : record.Match);
        }
        else
        {
            _line.Append("no reply");
        }

        if (record.Reason.Length > 0)
        {
            _line.Append(" | ").AppendSafe(record.Reason);
        }
    }

    private void Message(MessageOutput record)
    {
        if (record.Milliseconds is { } milliseconds)
        {
            _line.Append(CultureInfo.InvariantCulture, $"{milliseconds,10:0.00}ms ");
        }

        _line.Append(record.Direction == "tool-to-kernel" ? "tool->kernel " : "kernel->tool ")
            .Append(record.Role switch { "commandReply" => "reply ", "event" => "EVENT ", "eventReply" => "EVENT REPLY ", _ => "" })
                .AppendSafe(record.Name);
        Part("id", record.Id);
        Part("seq", record.Sequence);
        Part("error", record.Error);
        foreach (var field in record.Fields)
        {
            _line.Append(' ').AppendSafe(field.Name).Append('=').AppendSafe(Value(field.Value));
        }

        Part("line", record.Offset is null ? null : record.Line);
        Part("offset", record.Offset);
        if (record.Reason is { } reason)
        {
            _line.Append(" | ").AppendSafe(reason);
        }
    }

    private void PolicySummary(PolicySummary summary)
    {
        _line.Append("policy   ").AppendSafe(summary.Id).Append(' ').AppendSafe(summary.Version).Append(" (")
            .Append(Words.CamelCase(summary.Mode.ToString()))
            .Append(summary.IsLive ? "): " : ", unloaded): ").Append(Words.Count(summary.Events, "event"));
        Kinds("; ", summary.Decisions);
        Kinds("; would have: ", summary.WouldHave);
        _line.Append("; ").Append(Words.Count(summary.Alerts, "alert"));
        if (summary.SuppressedAlerts > 0)
        {
            _line.Append(CultureInfo.InvariantCulture, $" ({summary.SuppressedAlerts} more like them not shown)");
        }

        _line.Append(", ").Append(Words.Count(summary.Records, "record"));
        if (summary.SuppressedRecords > 0)
        {
            _line.Append(CultureInfo.InvariantCulture, $" ({summary.SuppressedRecords} dropped)");
        }

        if (summary.OverRate > 0)
        {
            _line.Append(", ").Append(Words.Count(summary.OverRate, "event")).Append(" above its rate");
        }

        if (summary.Errors > 0)
        {
            _line.Append(", ").Append(Words.Count(summary.Errors, "error"));
            if (summary.Timeouts > 0)
            {
                _line.Append(CultureInfo.InvariantCulture, $" ({summary.Timeouts} by time-out)");
            }
        }

        if (summary.P99Nanoseconds > 0)
        {
            _line.Append("; decision time p50 ").Append(Words.Nanoseconds(summary.P50Nanoseconds)).Append(", p99 ")
                .Append(Words.Nanoseconds(summary.P99Nanoseconds));
        }

        foreach (var group in summary.Facts.GroupBy(fact => fact.Vm))
        {
            _line.Append("\n         ").AppendSafe(group.Key).Append(": ")
                .AppendSafe(string.Join(", ", group.Select(fact =>
                    string.Create(CultureInfo.InvariantCulture, $"{fact.Name} {fact.Value}"))));
        }
    }

    private void RunSummary(RunSummaryOutput record)
    {
        _line.Append("run      ended by ").AppendSafe(record.End).Append(" after ")
            .Append(CultureInfo.InvariantCulture, $"{record.Elapsed.TotalSeconds:0.00} s: ")
            .Append(Words.Count(record.Vms, "VM")).Append(", ").Append(Words.Count(record.Events, "event")).Append(" answered, ")
            .Append(Words.Count(record.Alerts, "alert"));
        if (record.LostOutput > 0)
        {
            _line.Append(", ").Append(Words.Count(record.LostOutput, "line")).Append(" of output lost");
        }

        if (record.Reloads + record.FailedReloads > 0)
        {
            _line.Append(", ").Append(Words.Count(record.Reloads, "reload"))
                .Append(CultureInfo.InvariantCulture, $" ({record.FailedReloads} more failed)");
        }

        if (record.RefusedPeers > 0)
        {
            _line.Append("; ").Append(Words.Count(record.RefusedPeers, "connection")).Append(" of users who may not connect refused");
        }

        TextDeadlines.Write(_line, record.Deadlines);
        FaultCounts.Write(_line, record.Faults);
        WorkerCounts.Write(_line, record.Workers);
    }

    // The sentence says what people need; only what a VM allows is more than a sentence.
    private void Allowed(IReadOnlyList<OutputField> fields)
    {
        foreach (var field in fields.Where(field => field.Name is "commands" or "events" && field.Value is string))
        {
            _line.Append("\n             ").Append(Column(field.Name)).Append(' ').AppendSafe(Value(field.Value));
        }
    }

    private void Kinds(string lead, IReadOnlyDictionary<DecisionKind, long> kinds)
    {
        if (kinds.Count > 0)
        {
            _line.Append(lead).AppendJoin(", ", kinds.OrderBy(entry => entry.Key)
                .Select(entry => string.Create(CultureInfo.InvariantCulture, $"{Words.Of(entry.Key)} {entry.Value}")));
        }
    }

    private void Part(string name, long? value)
    {
        if (value is { } number)
        {
            _line.Append(CultureInfo.InvariantCulture, $" {name}={number}");
        }
    }

    private StringBuilder Place(string? vm, int? vcpu)
    {
        if (vm is not null || vcpu is not null)
        {
            _line.Append(" [").AppendSafe(vm ?? "");
            if (vcpu is { } number)
            {
                _line.Append(CultureInfo.InvariantCulture, $" vcpu {number}");
            }

            _line.Append(']');
        }

        return _line;
    }

    /// <summary>A field's value in text; not yet safe to print.</summary>
    public static string Value(object? value) => value switch
    {
        null => "-",
        bool flag => flag ? "true" : "false",
        ulong number => Words.Hex(number),
        byte[] { Length: > 32 } bytes => $"{Convert.ToHexStringLower(bytes, 0, 32)}...",
        byte[] bytes => Convert.ToHexStringLower(bytes),
        IReadOnlyList<OutputField> fields => $"{{{string.Join(' ', fields.Select(field => $"{field.Name}={Value(field.Value)}"))}}}",
        IReadOnlyList<object?> items => $"[{string.Join(' ', items.Select(Value))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };
}
