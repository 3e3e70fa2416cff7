namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>One decision and how it came about. 64-bit values are hexadecimal.</summary>
internal sealed record DecisionReply
{
    public required long Number { get; init; }

    public required DateTimeOffset At { get; init; }

    public string? Vm { get; init; }

    public required int Vcpu { get; init; }

    public required string Event { get; init; }

    public required string Subject { get; init; }

    public required string Rip { get; init; }

    public string? Wanted { get; init; }

    public required string Decision { get; init; }

    public string? Value { get; init; }

    public string? WouldHave { get; init; }

    public string? Policy { get; init; }

    public required string Reason { get; init; }

    /// <summary>Which votes counted, and what put one above the others.</summary>
    public string? Why { get; init; }

    public required long Nanoseconds { get; init; }

    public required IReadOnlyList<VoteReply> Votes { get; init; }
}
