using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Output;

/// <summary>A decision that changes something in the guest, or would have in audit mode; all of them when that is asked for.</summary>
public sealed record DecisionOutput : OutputRecord
{
    /// <summary>vCPU of the event.</summary>
    public required int Vcpu { get; init; }

    /// <summary>The event.</summary>
    public required EventKind Event { get; init; }

    /// <summary>Instruction pointer at the event.</summary>
    public required ulong Rip { get; init; }

    /// <summary>The policy whose vote won, or that would have; null when no vote counted.</summary>
    public string? Policy { get; init; }

    /// <summary>What is in force.</summary>
    public required DecisionKind Decision { get; init; }

    /// <summary>Value that was installed, for register events.</summary>
    public ulong? Value { get; init; }

    /// <summary>What the guest wanted to write, for register events.</summary>
    public ulong? Wanted { get; init; }

    /// <summary>Register of the event: "cr3", "msr 0xc0000082", or the page "gpa 0x1000 w".</summary>
    public required string Subject { get; init; }

    /// <summary>Strongest audit vote that is stronger than what is in force; null when there is none.</summary>
    public DecisionKind? WouldHave { get; init; }

    /// <summary>Why, in one sentence: the votes.</summary>
    public required string Reason { get; init; }

    /// <summary>True when the guest goes on as if nobody watched, and no audit vote wanted otherwise. Written only when asked for.</summary>
    public bool IsHarmless { get; init; }

    /// <summary>Time from the start of the event in the engine to the decision, in nanoseconds.</summary>
    public long Nanoseconds { get; init; }

    /// <summary>The first eight votes, in the order in which they were given.</summary>
    public IReadOnlyList<DecisionVote> Votes { get; init; } = [];
}
