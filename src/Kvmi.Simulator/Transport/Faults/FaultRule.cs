namespace Kvmi.Simulator.Transport.Faults;

/// <summary>One fault of a scenario: what, to which messages, when and how often. Immutable.</summary>
internal sealed record FaultRule
{
    /// <summary>What happens.</summary>
    public required FaultKind Kind { get; init; }

    /// <summary>The messages that count.</summary>
    public required FaultScope On { get; init; }

    /// <summary>So many of them pass before the first that is hit.</summary>
    public long After { get; init; }

    /// <summary>From then on each n-th of them is hit.</summary>
    public long Every { get; init; } = 1;

    /// <summary>Probability that a message which would be hit really is; null: certain.</summary>
    public double? Probability { get; init; }

    /// <summary>How often at most, in the whole run; 0: no limit.</summary>
    public required long Times { get; init; }

    /// <summary>How long to wait; zero where the fault does not wait.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>A number of bytes, whose meaning depends on the fault; null: its own choice.</summary>
    public int? Bytes { get; init; }
}
