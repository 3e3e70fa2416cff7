using Kvmi.Policy.Engine.Runtime;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>What remains of a decision: counters, the last outcome, and a line of output when it is worth one.</summary>
internal sealed class DecisionReport
{
    private readonly VmContext _context;

    public DecisionReport(VmContext context) => _context = context;

    /// <summary>Adds the votes and the time to the policies' statistics.</summary>
    public static void Count(ReadOnlySpan<Vote> votes, long nanoseconds)
    {
        PolicyInstance? last = null;
        foreach (ref readonly var vote in votes)
        {
            if (vote.LeftOut)
            {
                continue;
            }

            var policy = vote.Entry.Policy;
            policy.Tally.Count(vote.Audit ? vote.Asked.Kind : vote.Effective.Kind, vote.Audit);

            // The subscriptions of one policy stand together, and the policy saw one event.
            if (!ReferenceEquals(policy, last))
            {
                policy.Tally.Record(nanoseconds);
                last = policy;
            }
        }
    }

    public void Write(EventOutcome outcome, ReadOnlySpan<Vote> votes, Decision inForce, int winner, int wouldHave, string? note, long nanoseconds)
    {
        _context.DecisionTime.Record(nanoseconds);
        ref readonly var facts = ref _context.Event.Facts;
        foreach (ref readonly var vote in votes)
        {
            outcome.Add(in vote);
        }

        outcome.Decision = inForce.Kind;
        outcome.Note = note;
        outcome.Winner = winner < 0 ? null : votes[winner].Entry.Policy.Id;
        outcome.WouldHave = wouldHave < 0 ? null : votes[wouldHave].Asked.Kind;
        outcome.Exception = inForce.Kind == DecisionKind.Inject ? inForce.Exception : null;
        outcome.Value = facts.IsRegister
            ? inForce.Kind switch
            {
                DecisionKind.Allow => facts.New,
                DecisionKind.Set => inForce.Value,
                _ => facts.Old,
            }
            : null;

        var isHarmless = inForce.Kind <= LegalDecisions.HarmlessLimit(facts.Kind) && wouldHave < 0;
        if (!isHarmless || _context.Engine.EmitAllDecisions)
        {
            Emit(outcome, wouldHave < 0 ? null : votes[wouldHave].Entry.Policy.Id, isHarmless, nanoseconds);
        }
    }

    private void Emit(EventOutcome outcome, string? wouldHavePolicy, bool isHarmless, long nanoseconds)
    {
        var output = _context.Engine.Output;
        var slot = output.TryClaim(out var ticket);
        if (slot is null)
        {
            return;
        }

        ref readonly var facts = ref _context.Event.Facts;
        slot.Time = _context.Engine.Time.GetUtcNow();
        slot.Vm = _context.Name;
        slot.IsHarmless = isHarmless;
        slot.Nanoseconds = nanoseconds;
        slot.Facts = facts;
        slot.Decision = outcome.Decision;
        slot.HasValue = outcome.Value.HasValue;
        slot.Value = outcome.Value ?? 0;
        slot.HasWouldHave = outcome.WouldHave.HasValue;
        slot.WouldHave = outcome.WouldHave ?? default;
        slot.Winner = outcome.Decision > LegalDecisions.HarmlessLimit(facts.Kind)
            ? outcome.Winner
            : wouldHavePolicy ?? outcome.Winner;
        slot.Note = outcome.Note;
        var votes = outcome.VotesForOutput;
        slot.VoteCount = votes.Length;
        votes[..Math.Min(votes.Length, Output.OutputSlot.MaxVotes)].CopyTo(slot.Votes);
        output.Publish(slot, ticket);
    }
}
