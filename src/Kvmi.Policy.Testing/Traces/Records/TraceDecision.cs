namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>How an event was decided when the trace was recorded.</summary>
public sealed record TraceDecision : TraceRecord
{
    /// <summary>Sequence number of the event, in its connection.</summary>
    public required uint Sequence { get; init; }

    /// <summary>Its vCPU.</summary>
    public required ushort Vcpu { get; init; }

    /// <summary>The decision in force.</summary>
    public required DecisionKind Decision { get; init; }

    /// <summary>Value that was installed, for CR and MSR events.</summary>
    public ulong? Value { get; init; }

    /// <summary>The exception of an inject.</summary>
    public GuestException? Exception { get; init; }

    /// <summary>The strongest audit vote that was stronger than what was in force.</summary>
    public DecisionKind? WouldHave { get; init; }

    /// <summary>The policy whose vote was in force; null when no vote counted.</summary>
    public string? Winner { get; init; }

    /// <summary>What else was special, for example a deadline; null for nothing.</summary>
    public string? Note { get; init; }

    /// <summary>The engine's clock when it began with the event, in nanoseconds since the trace began.</summary>
    public long Started { get; init; }

    /// <summary>Number of votes; <see cref="Votes"/> may hold fewer.</summary>
    public int VoteCount { get; init; }

    /// <summary>The first votes, in policy order.</summary>
    public IReadOnlyList<TraceVote> Votes { get; init; } = [];
}
