using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>
/// The decision about an event whose deadline has passed: the votes that are there, and for every policy that has not voted (the one that
/// runs, and those after it) what it declares under onTimeout. Needs no command, no code of a policy, and writes nothing.
/// </summary>
internal sealed partial class EventDecider
{
    /// <summary>Number of votes so far.</summary>
    public int Collected => _collected;

    /// <summary>Nobody has voted about the next event yet.</summary>
    public void Reset()
    {
        _collected = 0;
        _broken = 0;
        _ownersOnly = false;
    }

    /// <summary>Decides without waiting any longer. For the watchdog while it holds the VM's custody, or for the owner thread.</summary>
    public Decision AtDeadline(PolicySet set, in EventFacts facts)
    {
        var best = new Strongest();
        foreach (ref readonly var vote in set.Votes.AsSpan(0, _collected))
        {
            if (!vote.Audit)
            {
                best.Add(vote.Effective);
            }
        }

        AddMissing(set, in facts, ref best);
        return best.Any ? ReplyOnly(best.Decision, in facts) : facts.Kind == EventKind.PageFault ? Decision.Retry : Decision.Allow;
    }

    /// <summary>
    /// The thread of the handler that was asked last is lost: what its policy declares under onTimeout is its vote. The lost thread writes into no
    /// vote any more, since it cannot take the custody back.
    /// </summary>
    /// <returns>Number of votes with this one.</returns>
    public int CompleteHung(PolicySet set, PolicyInstance hung, in EventFacts facts)
    {
        ref var vote = ref set.Votes[_collected];
        if (!ReferenceEquals(vote.Entry?.Policy, hung))
        {
            return _collected;
        }

        vote.Asked = PolicyErrors.AtTimeout(hung, in facts);
        vote.Effective = vote.Asked;
        vote.Failed = true;
        return ++_collected;
    }

    private void AddMissing(PolicySet set, in EventFacts facts, ref Strongest best)
    {
        var voted = _collected;
        if (facts.Kind != EventKind.PageFault && !_ownersOnly)
        {
            foreach (var entry in set.Table.Find(in facts))
            {
                AddMissing(entry, in facts, ref voted, ref best);
            }

            return;
        }

        foreach (var owner in set.BrokenOwners.AsSpan(0, _broken))
        {
            foreach (var entry in EntriesOf(owner, facts.Kind))
            {
                if (entry.Event != facts.Kind)
                {
                    continue;
                }

                AddMissing(entry, in facts, ref voted, ref best);
            }
        }
    }

    private static DispatchEntry[] EntriesOf(LeaseOwner owner, EventKind kind) =>
        owner.Instance is not { } policy ? [] : kind == EventKind.PageFault ? policy.PageFaultEntries : policy.Entries;

    private static void AddMissing(DispatchEntry entry, in EventFacts facts, ref int voted, ref Strongest best)
    {
        // The entries come in the order in which they are asked, so the first ones are those that have voted.
        if (entry.Wants(in facts) && voted-- <= 0 && entry.Policy.Enforcing)
        {
            best.Add(entry.Subscription.Then is { } then ? HandlerCall.FromThen(then, in facts) : PolicyErrors.AtTimeout(entry.Policy, in facts));
        }
    }

    /// <summary>What of a decision the reply alone can do: a denial that needs a command becomes the denial that needs none.</summary>
    private static Decision ReplyOnly(Decision decision, in EventFacts facts) => decision.Kind is not (DecisionKind.Inject or DecisionKind.Skip)
        ? decision
        : LegalDecisions.IsLegal(facts.Kind, DecisionKind.Retry) ? Decision.Retry
        : facts.IsRegister ? Decision.Keep(facts.Old)
        : Decision.Allow;

    private struct Strongest
    {
        public Decision Decision;
        public bool Any;

        public void Add(Decision decision)
        {
            // As in the ranking of votes: among equal ones the first counts.
            if (!Any || decision.Kind > Decision.Kind)
            {
                Decision = decision;
                Any = true;
            }
        }
    }
}
