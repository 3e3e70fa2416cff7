using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>What one policy did in a run, over all VMs.</summary>
internal sealed record PolicySummaryOutput : OutputRecord
{
    public required string Policy { get; init; }

    public required string Version { get; init; }

    public required PolicyMode Mode { get; init; }

    /// <summary>Events that reached a handler.</summary>
    public required long Events { get; init; }

    /// <summary>Votes that counted, by kind; kinds without a vote are absent.</summary>
    public required IReadOnlyList<KeyValuePair<DecisionKind, long>> Decisions { get; init; }

    /// <summary>Audit votes, by kind; kinds without a vote are absent.</summary>
    public required IReadOnlyList<KeyValuePair<DecisionKind, long>> WouldHave { get; init; }

    public required long Alerts { get; init; }

    public required long SuppressedAlerts { get; init; }

    public required long Records { get; init; }

    public required long Errors { get; init; }

    /// <summary>Median decision time in nanoseconds.</summary>
    public required long P50 { get; init; }

    /// <summary>99th percentile of the decision time in nanoseconds.</summary>
    public required long P99 { get; init; }

    /// <summary>Numbers that the policy publishes: VM, name, value.</summary>
    public required IReadOnlyList<(string Vm, string Name, long Value)> Facts { get; init; }
}
