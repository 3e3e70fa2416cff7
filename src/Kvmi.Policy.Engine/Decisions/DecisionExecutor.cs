using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>Carries a decision out: commands first, then the reply (kvmi-later-dialects.md 3.8 and 3.10).</summary>
internal sealed class DecisionExecutor
{
    private readonly VmContext _context;

    public DecisionExecutor(VmContext context) => _context = context;

    /// <summary>Carries the decision out and fills in the reply.</summary>
    /// <param name="set">The policies.</param>
    /// <param name="votes">All votes of the event.</param>
    /// <param name="winner">Index of the vote in force; −1 for allow.</param>
    /// <param name="instructionLength">For a skip.</param>
    /// <param name="reply">The reply.</param>
    /// <returns>What is in force in the end: an injection may have failed.</returns>
    public Decision Execute(PolicySet set, ReadOnlySpan<Vote> votes, int winner, int instructionLength, ref EventReply reply)
    {
        ref readonly var facts = ref _context.Event.Facts;
        var decision = winner < 0 ? Decision.Allow : votes[winner].Effective;
        if (decision.Kind == DecisionKind.Inject)
        {
            decision = Inject(set, in votes[winner], decision, ref reply, out var done);
            if (done)
            {
                SendRegisters(set, votes, 0);
                return decision;
            }
        }

        if (decision.Kind != DecisionKind.Crash)
        {
            var skipped = decision.Kind == DecisionKind.Skip ? instructionLength : 0;
            if (!SendRegisters(set, votes, skipped) && skipped > 0)
            {
                // The instruction must not run: the guest tries it again and meets the same policy.
                decision = Decision.Retry;
            }
        }

        Fill(decision, in facts, ref reply);
        if (decision.Kind == DecisionKind.Allow && _context.Event.OwnBreakpoint)
        {
            // The instruction that the INT3 hid is back; #BP would be news to the guest.
            reply.Action = EventAction.Retry;
        }

        return decision;
    }

    /// <summary>Writes a decision into the reply.</summary>
    public static void Fill(Decision decision, in EventFacts facts, ref EventReply reply)
    {
        reply.Action = decision.Kind switch
        {
            DecisionKind.Crash => EventAction.Crash,
            DecisionKind.Retry or DecisionKind.Skip => EventAction.Retry,
            _ => EventAction.Continue,
        };
        if (facts.IsRegister)
        {
            // The kernel installs what the reply says, also for "continue".
            reply.NewValue = decision.Kind switch
            {
                DecisionKind.Allow => facts.New,
                DecisionKind.Set => decision.Value,
                _ => facts.Old,
            };
        }
    }

    private Decision Inject(PolicySet set, in Vote vote, Decision decision, ref EventReply reply, out bool done)
    {
        ref readonly var facts = ref _context.Event.Facts;
        var exception = decision.Exception;
        var stepped = _context.Singlesteps.Suspend(facts.Vcpu);
        var error = _context.Vm.InjectException(facts.Vcpu, exception.Vector, exception.ErrorCode, exception.Address);
        if (stepped)
        {
            _context.Singlesteps.Resume(facts.Vcpu);
        }

        // Where RETRY is legal the instruction must not be completed; register events keep the old value instead.
        var canRetry = LegalDecisions.IsLegal(facts.Kind, DecisionKind.Retry);
        if (error is KvmiError.None or KvmiError.Busy)
        {
            done = true;
            reply.Action = canRetry ? EventAction.Retry : EventAction.Continue;
            if (facts.IsRegister)
            {
                reply.NewValue = facts.Old;
            }

            if (error == KvmiError.None)
            {
                return decision;
            }

            // Another exception is on its way: the denial stands, and where it can the guest tries again and meets the policy again.
            return canRetry ? Decision.Retry : facts.IsRegister ? Decision.Keep(facts.Old) : Decision.Allow;
        }

        done = false;
        return PolicyErrors.Report(
            _context, set, vote.Entry.Policy, in facts, $"wants to inject exception {exception.Vector}, but the kernel answered {error}");
    }

    /// <summary>Merges the edits of the enforced policies, strongest vote first, and sends them with the skip as one command.</summary>
    private bool SendRegisters(PolicySet set, ReadOnlySpan<Vote> votes, int skipped)
    {
        var any = skipped > 0;
        for (var i = 0; i < votes.Length && !any && _context.Event.HasEdits; i++)
        {
            any = HasEdits(in votes[i]);
        }

        if (!any)
        {
            return true;
        }

        ref readonly var facts = ref _context.Event.Facts;
        var regs = _context.Event.Regs;
        uint taken = 0;
        for (var kind = (int)DecisionKind.Crash; kind >= 0; kind--)
        {
            foreach (ref readonly var vote in votes)
            {
                if ((int)vote.Effective.Kind == kind && HasEdits(in vote))
                {
                    vote.Entry.Policy.Edits.MergeInto(ref regs, ref taken);
                }
            }
        }

        if (skipped > 0)
        {
            regs.Rip = Advance(in facts, skipped);
        }

        var error = _context.Offers(CommandKind.SetRegisters)
            ? _context.Vm.SetRegisters(facts.Vcpu, in regs)
            : KvmiError.NotPermitted;
        if (error == KvmiError.None)
        {
            return true;
        }

        foreach (ref readonly var vote in votes)
        {
            if (HasEdits(in vote) || (skipped > 0 && vote.Effective.Kind == DecisionKind.Skip && !vote.Audit))
            {
                PolicyErrors.Report(_context, set, vote.Entry.Policy, in facts, $"edits registers, but the kernel answered {error} to "
                    + "set-registers");
            }
        }

        return false;
    }

    private static bool HasEdits(in Vote vote) => !vote.Audit && !vote.Failed && !vote.LeftOut && vote.Entry.Policy.Edits.Edited != 0;

    private static ulong Advance(in EventFacts facts, int length)
    {
        var next = facts.Rip + (ulong)length;
        return facts.Mode switch
        {
            2 => next & ushort.MaxValue,
            4 => next & uint.MaxValue,
            _ => next,
        };
    }
}
