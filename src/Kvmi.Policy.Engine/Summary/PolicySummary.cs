namespace Kvmi.Policy.Engine.Summary;

/// <summary>What one policy did since the engine started, over all VMs and generations.</summary>
public sealed record PolicySummary
{
    /// <summary>Identity.</summary>
    public required string Id { get; init; }

    /// <summary>Version of the latest generation that had it.</summary>
    public required string Version { get; init; }

    /// <summary>Mode of the latest generation that had it.</summary>
    public required Model.PolicyMode Mode { get; init; }

    /// <summary>True when the live generation has it.</summary>
    public required bool IsLive { get; init; }

    /// <summary>Votes given: events that reached a handler.</summary>
    public required long Events { get; init; }

    /// <summary>Votes that counted, by kind; kinds without a vote are missing.</summary>
    public required IReadOnlyDictionary<DecisionKind, long> Decisions { get; init; }

    /// <summary>Audit votes, by kind; kinds without a vote are missing.</summary>
    public required IReadOnlyDictionary<DecisionKind, long> WouldHave { get; init; }

    /// <summary>Alerts, without the suppressed ones.</summary>
    public required long Alerts { get; init; }

    /// <summary>Alerts that the dedupe window or the rate kept back.</summary>
    public required long SuppressedAlerts { get; init; }

    /// <summary>Records.</summary>
    public required long Records { get; init; }

    /// <summary>Records that the rate kept back.</summary>
    public long SuppressedRecords { get; init; }

    /// <summary>Errors.</summary>
    public required long Errors { get; init; }

    /// <summary>Those of the errors that were time-outs.</summary>
    public required long Timeouts { get; init; }

    /// <summary>Events above the policy's rate.</summary>
    public long OverRate { get; init; }

    /// <summary>Median time from the event to the decision, in nanoseconds.</summary>
    public required long P50Nanoseconds { get; init; }

    /// <summary>99th percentile of that time, in nanoseconds.</summary>
    public required long P99Nanoseconds { get; init; }

    /// <summary>Longest such time, in nanoseconds.</summary>
    public required long MaxNanoseconds { get; init; }

    /// <summary>The policy's own numbers, ordered by VM and name.</summary>
    public required IReadOnlyList<FactSummary> Facts { get; init; }

    internal static PolicySummary Of(Model.PolicyDefinition definition, PolicyStatistics statistics, bool isLive) => new()
    {
        Id = definition.Id,
        Version = definition.Version,
        Mode = definition.Mode,
        IsLive = isLive,
        Events = statistics.Events,
        Decisions = ByKind(statistics.Decisions),
        WouldHave = ByKind(statistics.WouldHave),
        Alerts = statistics.Alerts,
        SuppressedAlerts = statistics.SuppressedAlerts,
        Records = statistics.Records,
        SuppressedRecords = statistics.SuppressedRecords,
        Errors = statistics.Errors,
        Timeouts = statistics.Timeouts,
        OverRate = statistics.OverRate,
        P50Nanoseconds = statistics.Latency.Quantile(0.5),
        P99Nanoseconds = statistics.Latency.Quantile(0.99),
        MaxNanoseconds = statistics.Latency.Max,
        Facts =
        [
            .. statistics.Facts
                .Select(pair => new FactSummary(pair.Key.Vm, pair.Key.Name, pair.Value.Value))
                .OrderBy(fact => fact.Vm, StringComparer.Ordinal)
                .ThenBy(fact => fact.Name, StringComparer.Ordinal),
        ],
    };

    private static Dictionary<DecisionKind, long> ByKind(Func<DecisionKind, long> count) =>
        Enum.GetValues<DecisionKind>().Where(kind => count(kind) > 0).ToDictionary(kind => kind, count);
}
