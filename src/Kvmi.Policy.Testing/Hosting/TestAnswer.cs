using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Testing.Hosting;

/// <summary>How an event was decided, and what policies said about it.</summary>
public sealed record TestAnswer : TestOutput
{
    /// <summary>The decision in force.</summary>
    public required DecisionKind Decision { get; init; }

    /// <summary>The value that is installed, for CR and MSR events; null for others.</summary>
    public required ulong? Value { get; init; }

    /// <summary>The exception of an inject; null for other decisions.</summary>
    public required GuestException? Exception { get; init; }

    /// <summary>The strongest audit vote that is stronger than what is in force; null when there is none.</summary>
    public required DecisionKind? WouldHave { get; init; }

    /// <summary>The policy whose vote is in force; null when no vote counted.</summary>
    public required string? Policy { get; init; }

    /// <summary>Every vote in the order of the policies; empty when no subscription matched.</summary>
    public required IReadOnlyList<TestVote> Votes { get; init; }

    /// <summary>Why, in one sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>The reply as it would go to the kernel; empty for an event that expects none.</summary>
    public required ReadOnlyMemory<byte> Reply { get; init; }

    internal static TestAnswer Of(EventOutcome outcome, IReadOnlyList<OutputRecord> lines, byte[] reply) => new()
    {
        Decision = outcome.Decision,
        Value = outcome.Value,
        Exception = outcome.Exception,
        WouldHave = outcome.WouldHave,
        Policy = outcome.Winner,
        Votes = [.. Enumerable.Range(0, outcome.VoteCount).Select(index =>
            new TestVote(outcome.Vote(index).Policy, outcome.Vote(index).Kind, outcome.Vote(index).Audit, outcome.VoteDetail(index).Failed))],
        Reason = outcome.Reason,
        Reply = reply,
        Alerts = Notices(lines, areAlerts: true),
        Records = Notices(lines, areAlerts: false),
        Problems = Policies.PolicyTestRunner.Troubles(lines),
        Lines = lines,
    };
}
