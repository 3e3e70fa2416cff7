using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Engine.Output;
using Kvmi.Session.Deadlines;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>The last line of a run, before those of its sinks.</summary>
internal sealed record RunSummaryOutput : OutputRecord
{
    /// <summary>VMs that were attached.</summary>
    public required long Vms { get; init; }

    /// <summary>Events that were decided and answered.</summary>
    public required long Events { get; init; }

    public required long Alerts { get; init; }

    /// <summary>Lines of output that were lost because it was full.</summary>
    public long LostOutput { get; init; }

    /// <summary>Reloads that went live, and those that failed.</summary>
    public required long Reloads { get; init; }

    public required long FailedReloads { get; init; }

    /// <summary>What came of the deadlines.</summary>
    public required DeadlineCounters Deadlines { get; init; }

    /// <summary>What the process allocated, and how often its collector ran.</summary>
    public required MemoryOutput Memory { get; init; }
    /// <summary>Faults that were injected on purpose; null when none were asked for.</summary>
    public FaultSummary? Faults { get; init; }

    /// <summary>What became of the worker processes; null when no policy needed one.</summary>
    public WorkerCounters? Workers { get; init; }

    /// <summary>Connections of users who may not connect.</summary>
    public required long RefusedPeers { get; init; }

    public required TimeSpan Elapsed { get; init; }

    /// <summary>What ended the run: signal, events, duration, scenario.</summary>
    public required string End { get; init; }
}
