using System.Globalization;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Testing.Replay;

namespace Kvmi.Policy.Host.Traces;

/// <summary>replay of one trace, alone or compared.</summary>
internal sealed class TraceReplayRun
{
    private readonly VerbContext _context;
    private readonly PolicyWorkshop _workshop;
    private readonly IReadOnlyList<string> _policies;
    private readonly string? _diff;
    private readonly bool _loose;
    private readonly List<string> _missing = [];
    private long _events;
    private long _same;
    private long _late;
    private long _differences;

    /// <summary>Prepares a replay.</summary>
    /// <param name="context">Output and clock.</param>
    /// <param name="workshop">Builds the policies.</param>
    /// <param name="policies">The policies that decide now.</param>
    /// <param name="diff">previous, a trace or a directory of policies to compare with; null to compare with what was recorded, and list everything.</param>
    /// <param name="loose">What the trace lacks is unreadable rather than an error.</param>
    public TraceReplayRun(VerbContext context, PolicyWorkshop workshop, IReadOnlyList<string> policies, string? diff, bool loose) =>
        (_context, _workshop, _policies, _diff, _loose) = (context, workshop, policies, diff, loose);

    private ResultWriter Results => _context.Results;

    /// <summary>Replays a trace and writes what came.</summary>
    /// <returns>The exit code.</returns>
    public int Run(string path) => TraceFiles.Read(() =>
    {
        using var file = TraceFiles.Open(path);
        var others = _diff is null or "previous" ? null : Others(path, _diff);
        if ((_diff is not (null or "previous") && others is null) || _workshop.Build(_policies, Results) is not { } generation)
        {
            return ExitCode.Failure;
        }

        if (file.Incomplete is { } note)
        {
            Console.Error.WriteLine($"kvmi-policy: {path}: {note}");
        }

        using var replay = new TraceReplay(file, generation, _loose);
        foreach (var step in replay.Run())
        {
            Take(step, others);
        }

        Rest(others);
        return Finish(path, replay);
    });

    /// <summary>The other side of the comparison by number of the event: another trace's decisions, or other policies on the same trace.</summary>
    private Dictionary<long, (ReplayStep At, EventDecision Decision)>? Others(string path, string other)
    {
        Dictionary<long, (ReplayStep, EventDecision)> decisions = [];
        if (Directory.Exists(other) || other.EndsWith(".yaml", StringComparison.Ordinal))
        {
            if (_workshop.Build(PolicyWorkshop.RequireExisting([other]), Results) is not { } generation)
            {
                return null;
            }

            using var file = TraceFiles.Open(path);
            using var replay = new TraceReplay(file, generation, _loose);
            foreach (var step in replay.Run())
            {
                decisions[step.EventNumber] = (step, EventDecision.Of(step));
                _missing.AddRange(step.NotRecorded.Select(what => $"event {step.EventNumber}, policies of {other}: {what}"));
            }

            _missing.AddRange(replay.NotRecorded.Select(what => $"policies of {other}: {what}"));
            return decisions;
        }

        using var trace = TraceFiles.IsTrace(other) ? TraceFiles.Open(other) : throw new UsageException(
            $"--diff {other}: this is neither a trace nor a directory of policies; 'previous' compares with what was recorded.");
        foreach (var (at, decision) in RecordedDecisions.Of(trace))
        {
            decisions[at.EventNumber] = (at, EventDecision.Of(decision)!);
        }

        return decisions;
    }

    private void Take(ReplayStep step, Dictionary<long, (ReplayStep At, EventDecision Decision)>? others)
    {
        _events++;
        _missing.AddRange(step.NotRecorded.Select(what => $"event {step.EventNumber}, {step.Vm}: {what}"));
        var now = EventDecision.Of(step);
        var then = EventDecision.Of(step.Recorded);
        if (others is not null)
        {
            then = others.Remove(step.EventNumber, out var found) && found.At.Event == step.Event && found.At.Vcpu == step.Vcpu ? found.Decision : null;
        }

        // An event that was cut off at a deadline, or whose decision is lost, has nothing that it could be compared with.
        var isCompared = then is not null || others is not null;
        var isSame = then is not null && now.IsSameAs(then);
        _late += step.WasLate ? 1 : 0;
        _same += isSame ? 1 : 0;
        _differences += isCompared && !isSame ? 1 : 0;
        if (_diff is null)
        {
            // In the time of the trace: that is when it would have been said.
            ReplayLines.Of(step.Output).ForEach(Results.Write);
            Results.Write(ReplayLines.Of(step, Results.Now));
        }
        else if (isCompared && !isSame)
        {
            Results.Write(EventDecision.Difference(Results, step, now, then));
        }
    }

    /// <summary>Events that only the other trace has.</summary>
    private void Rest(Dictionary<long, (ReplayStep At, EventDecision Decision)>? others)
    {
        foreach (var (at, decision) in (others ?? []).OrderBy(pair => pair.Key).Select(pair => pair.Value))
        {
            _differences++;
            Results.Write(EventDecision.Difference(Results, at, null, decision));
        }
    }

    private int Finish(string path, TraceReplay replay)
    {
        if (_diff is null)
        {
            ReplayLines.Of(replay.EndOutput).ForEach(Results.Write);
            ReplayLines.Of(replay.Summary(), Results.Now).ForEach(Results.Write);
        }

        _missing.AddRange(replay.NotRecorded);
        foreach (var what in _missing)
        {
            Results.Write(new TraceOutput
            {
                Time = Results.Now,
                Type = "notRecorded",
                Fields = [new("reason", what)],
                Text = $"not recorded: {what}",
            });
        }

        ReplayLines.Report(path, replay.Problems);

        Results.Write(new TotalsOutput
        {
            Time = Results.Now,
            Kind = "replay",
            Counts =
            [
                new("events", _events), new("same", _same), new("differences", _differences), new("late", _late), new("notRecorded", _missing.Count),
                new("unanswered", replay.Unanswered), new("lost", replay.Lost),
            ],
            Text = string.Create(
                CultureInfo.InvariantCulture,
                $"{path}: {Words.Count(_events, "event")} decided, {_same} as {(_diff is null or "previous" ? "recorded" : $"by {_diff}")}, {_differences} differently; ")
                + (_late > 0 ? $"{_late} were answered at a deadline then, and are not compared; " : "")
                + $"{_missing.Count} not recorded{(replay.Unanswered > 0 ? $"; {replay.Unanswered} were never answered and are left out" : "")}"
                + $"{(replay.Lost > 0 ? $"; {replay.Lost} records are missing in the trace" : "")}"
                + (_missing.Count > 0 ? ". What is not recorded reads as unreadable with --loose" : ""),
        });
        return _missing.Count > 0 || replay.Problems.Count > 0 || (_diff is not null && _differences > 0) ? ExitCode.Failure : ExitCode.Fine;
    }
}
