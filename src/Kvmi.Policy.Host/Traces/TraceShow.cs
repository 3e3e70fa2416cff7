using System.Globalization;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Host.Traces;

/// <summary>Prints what a trace holds.</summary>
internal sealed class TraceShow
{
    private readonly ResultWriter _results;
    private readonly Dictionary<string, TracePolicy> _policies = new(StringComparer.Ordinal);
    private readonly SortedSet<int> _generations = [];
    private readonly SortedDictionary<string, long> _decisions = new(StringComparer.Ordinal);
    private long _messages, _contents, _contentBytes, _withoutBytes, _lost, _last;
    private string? _madeBy;

    public TraceShow(ResultWriter results) => _results = results;

    /// <summary>Prints VMs, policies, counts, and the events when asked for.</summary>
    /// <returns>The exit code.</returns>
    public int Run(TraceFile trace, TraceFile? events)
    {
        foreach (var record in trace.Records())
        {
            Count(record);
        }

        foreach (var policy in _policies.Values.OrderBy(policy => policy.Id, StringComparer.Ordinal))
        {
            Write("tracePolicy", null,
                $"policy {policy.Id} {policy.Version} ({policy.Mode}), generation {policy.Generation}{(policy.Digest.Length > 0 ? $", sha256 {policy.Digest[..Math.Min(12, policy.Digest.Length)]}" : "")}",
                [new("policy", policy.Id), new("version", policy.Version), new("mode", policy.Mode), new("generation", policy.Generation), new("sha256", policy.Digest)]);
        }

        if (events is not null)
        {
            Events(events);
        }

        foreach (var problem in trace.Problems)
        {
            Write("traceProblem", null, $"problem: {problem}", [new("reason", problem)]);
        }

        Totals(trace);
        return trace.Problems.Count == 0 ? ExitCode.Fine : ExitCode.Failure;
    }

    private void Count(TraceRecord record)
    {
        _last = Math.Max(_last, record.Nanoseconds);
        switch (record)
        {
            case TraceVm vm:
                Write("traceVm", RecordedDecisions.NameOf(vm),
                    $"vm {RecordedDecisions.NameOf(vm)} ({vm.Uuid}): connection {vm.Connection}, dialect {vm.Dialect}, {Words.Count(vm.Vcpus, "vCPU")}, at {Seconds(vm.Nanoseconds)}",
                    [
                        new("connection", vm.Connection), new("uuid", vm.Uuid.ToString()), new("dialect", vm.Dialect), new("vcpus", vm.Vcpus),
                        new("t", vm.Nanoseconds / 1e6), new("commands", string.Join(' ', vm.Commands)), new("events", string.Join(' ', vm.Events)),
                    ]);
                break;
            case TracePolicy policy:
                _policies[policy.Id] = policy;
                _generations.Add(policy.Generation);
                break;
            case TraceMessage:
                _messages++;
                break;
            case TraceContents contents:
                _contents++;
                _contentBytes += contents.Bytes?.Length ?? 0;
                _withoutBytes += contents.Bytes is null ? 1 : 0;
                break;
            case TraceDecision decision:
                Add(_decisions, Words.Of(decision.Decision));
                break;
            case TraceGap gap:
                _lost += Math.Max(0, gap.Lost);
                break;
            case TraceDetached detached:
                Write("traceDetached", null,
                    $"connection {detached.Connection} ended at {Seconds(detached.Nanoseconds)}: {(detached.Reason.Length > 0 ? Words.CamelCase(detached.Reason) : "never became a VM")}{(detached.Detail is { } detail ? $" ({detail})" : "")}",
                    [new("connection", detached.Connection), new("t", detached.Nanoseconds / 1e6), new("cause", Words.CamelCase(detached.Reason)), new("reason", detached.Detail)]);
                break;
            case TraceEnd end:
                _madeBy = end.MadeBy;
                break;
            default:
                break;
        }
    }

    private void Events(TraceFile trace)
    {
        foreach (var (at, decision) in RecordedDecisions.Of(trace))
        {
            Write("traceEvent", at.Vm,
                $"event {at.EventNumber} {Seconds(decision.Started)} {at.Vm} vcpu {at.Vcpu} {at.Subject}: {DecisionText.Of(decision)}{(decision.Winner is { } winner ? $" by {winner}" : "")} | {DecisionText.Votes(decision)}",
                [
                    new("number", at.EventNumber), new("t", decision.Started / 1e6), new("seq", at.Sequence), new("vcpu", (int)at.Vcpu), new("event", Words.Of(at.Event)),
                    new("subject", at.Subject), new("policy", decision.Winner),
                    .. DecisionText.Fields(decision.Decision, decision.Value, decision.Exception, decision.WouldHave, DecisionText.Votes(decision)),
                ]);
        }
    }

    private void Totals(TraceFile trace)
    {
        var events = _decisions.Values.Sum();
        var made = _madeBy is null ? "recorded" : _madeBy;
        _results.Write(new TotalsOutput
        {
            Time = _results.Now,
            Kind = "trace",
            Counts =
            [
                new("messages", _messages), new("decisions", events), .. _decisions.Select(pair => new KeyValuePair<string, long>($"decision.{pair.Key}", pair.Value)),
                new("contents", _contents), new("contentBytes", _contentBytes), new("contentsWithoutBytes", _withoutBytes), new("lost", _lost),
                new("generations", _generations.Count), new("complete", trace.Incomplete is null ? 1 : 0),
            ],
            Text = string.Create(CultureInfo.InvariantCulture,
                $"{trace.Name}: {made} {trace.Start.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC, {Seconds(_last)} long; {Words.Count(_messages, "message")}, {Words.Count(events, "decision")}")
                + (_decisions.Count > 0 ? $" ({string.Join(", ", _decisions.Select(pair => $"{pair.Value} {pair.Key}"))})" : "")
                + string.Create(CultureInfo.InvariantCulture, $", {Words.Count(_contents, "piece")} of guest memory with {_contentBytes} bytes")
                + (_withoutBytes > 0 ? $", {_withoutBytes} of them without their bytes" : "")
                + (_generations.Count > 1 ? $"; the policies were reloaded {_generations.Count - 1} times" : "")
                + (_lost > 0 ? $"; {_lost} records are missing, because the disk was slower than the events" : "")
                + (trace.Incomplete is { } incomplete ? $"; {incomplete}" : ""),
        });
    }

    private void Write(string type, string? vm, string text, IReadOnlyList<OutputField> fields) =>
        _results.Write(new TraceOutput { Time = _results.Now, Vm = vm, Type = type, Text = text, Fields = fields });

    private static void Add(SortedDictionary<string, long> counts, string key) => counts[key] = counts.GetValueOrDefault(key) + 1;

    private static string Seconds(long nanoseconds) => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e9:0.000000} s");
}
