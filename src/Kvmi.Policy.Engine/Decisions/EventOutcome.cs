using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>
/// How the last event of a VM was decided. One object per VM that is overwritten with each event: for tests, replays and
/// explanations, on the owner thread only.
/// </summary>
public sealed class EventOutcome
{
    private OutputVote[] _votes = new OutputVote[OutputSlot.MaxVotes];
    private PolicySubscription[] _subscriptions = new PolicySubscription[OutputSlot.MaxVotes];

    internal EventOutcome()
    {
    }

    /// <summary>The event.</summary>
    public EventKind Event { get; internal set; }

    /// <summary>The decision in force.</summary>
    public DecisionKind Decision { get; internal set; }

    /// <summary>The value that was installed, for CR and MSR events.</summary>
    public ulong? Value { get; internal set; }

    /// <summary>The exception of an inject.</summary>
    public GuestException? Exception { get; internal set; }

    /// <summary>The policy whose vote is in force; null when no vote counted.</summary>
    public string? Winner { get; internal set; }

    /// <summary>The strongest audit vote that is stronger than what is in force; null when there is none.</summary>
    public DecisionKind? WouldHave { get; internal set; }

    /// <summary>Number of votes.</summary>
    public int VoteCount { get; private set; }

    /// <summary>Why, in one sentence: the votes. Made when asked for.</summary>
    public string Reason => OutputText.Reason(_votes, VoteCount, Note);

    /// <summary>Which votes counted, and what put one above the others. Made when asked for.</summary>
    public string Explanation => DecisionExplanation.Why(Decision, OutputText.Votes(VotesForOutput), WouldHave);

    /// <summary>What else was special, for example a deadline that passed; null for nothing.</summary>
    public string? Note { get; internal set; }

    internal ReadOnlySpan<OutputVote> VotesForOutput => _votes.AsSpan(0, VoteCount);

    /// <summary>One vote, in policy order.</summary>
    /// <param name="index">0 to <see cref="VoteCount"/> − 1.</param>
    /// <returns>The policy, what it voted, and whether it was in audit mode.</returns>
    public (string Policy, DecisionKind Kind, bool Audit) Vote(int index)
    {
        var vote = VotesForOutput[index];
        return (vote.Policy, vote.Kind, vote.Audit);
    }

    /// <summary>More about one vote.</summary>
    /// <param name="index">0 to <see cref="VoteCount"/> − 1.</param>
    /// <returns>The value of set and keep, and whether the handler failed, so that the vote is its onError or onTimeout.</returns>
    public (ulong Value, bool Failed) VoteDetail(int index)
    {
        var vote = VotesForOutput[index];
        return (vote.Value, vote.Failed);
    }

    /// <summary>What a vote came from.</summary>
    /// <param name="index">0 to <see cref="VoteCount"/> − 1.</param>
    public PolicySubscription SubscriptionOf(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, VoteCount);
        return _subscriptions[index];
    }

    internal void Clear(EventKind kind)
    {
        Event = kind;
        Decision = DecisionKind.Allow;
        Value = null;
        Exception = null;
        Winner = null;
        WouldHave = null;
        Note = null;
        VoteCount = 0;
    }

    internal void Add(in Vote vote)
    {
        if (VoteCount == _votes.Length)
        {
            Array.Resize(ref _votes, VoteCount * 2);
            Array.Resize(ref _subscriptions, VoteCount * 2);
        }

        _subscriptions[VoteCount] = vote.Entry.Subscription;
        ref var copy = ref _votes[VoteCount++];
        copy.Policy = vote.Entry.Policy.Id;
        copy.Kind = vote.Asked.Kind;
        copy.Value = vote.Asked.Value;
        copy.Audit = vote.Audit;
        copy.Failed = vote.Failed;
    }
}
