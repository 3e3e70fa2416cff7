using System.Runtime.ExceptionServices;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>
/// From one event to one decision: asks the policies that want it, makes each vote one that can be carried out, and ranks
/// them (authoring.md section 6). Nothing here allocates unless a policy errs.
/// </summary>
internal sealed partial class EventDecider
{
    private const int NotOurs = -2;
    private readonly VmContext _context;
    private readonly SkipLength _skip;
    private int _collected;
    private int _broken;
    private bool _ownersOnly;

    public EventDecider(VmContext context)
    {
        _context = context;
        _skip = new SkipLength(context);
    }

    /// <summary>Length of the instruction that a winning skip moves over.</summary>
    public int InstructionLength => _skip.Length;

    /// <summary>Collects the votes of the current event into the set's scratch space.</summary>
    /// <param name="set">The policies.</param>
    /// <param name="frame">The event; its facts are in the context.</param>
    /// <param name="note">Says what happened where no vote does.</param>
    /// <returns>Number of votes; −1 for a page fault or breakpoint that was explained by a lease and is no more.</returns>
    public int Collect(PolicySet set, in EventFrame frame, out string? note)
    {
        note = null;
        _skip.Reset();
        Reset();
        ref readonly var facts = ref _context.Event.Facts;
        if (facts.Kind == EventKind.PageFault)
        {
            return CollectPageFault(set, in frame, out note);
        }

        if (facts.Kind == EventKind.Breakpoint && _context.Breakpoints.WereUsed)
        {
            var hit = CollectOwnBreakpoint(set, in frame, out note);
            if (hit != NotOurs)
            {
                return hit;
            }
        }

        if (facts.Kind == EventKind.Singlestep && _context.Singlesteps.WereUsed)
        {
            return CollectOwnStep(set, in frame, out note);
        }

        foreach (var entry in set.Table.Find(in facts))
        {
            if (entry.Wants(in facts))
            {
                Ask(set, entry, in frame, ref set.Votes[_collected]);
                _collected++;
                if (_context.Foreign.HasPassed)
                {
                    break;
                }
            }
        }

        return _collected;
    }

    private int CollectPageFault(PolicySet set, in EventFrame frame, out string? note)
    {
        note = null;
        ref readonly var facts = ref _context.Event.Facts;
        var broken = _context.Pages.FindBroken(facts.Gpa, facts.Access, ref set.BrokenOwners);
        if (broken == 0)
        {
            // Another vCPU's event changed the page after this one was sent, or the kernel holds a restriction that no policy has.
            _context.Pages.Restore(facts.Gpa);
            note = "no policy restricts this access any more: restored and tried again";
            return -1;
        }

        AskOwners(set, in frame, broken);
        return _collected;
    }

    /// <summary>Asks those who put the INT3 there and nobody else: the guest has none in this place.</summary>
    private int CollectOwnBreakpoint(PolicySet set, in EventFrame frame, out string? note)
    {
        note = null;
        ref readonly var facts = ref _context.Event.Facts;
        var hit = _context.Breakpoints.TakeHit(facts.Gpa, ref set.BrokenOwners);
        if (hit == 0)
        {
            if (!_context.Breakpoints.IsStale(facts.Gpa))
            {
                return NotOurs;
            }

            note = "the breakpoint was taken back meanwhile: tried again";
            return -1;
        }

        _context.Event.OwnBreakpoint = true;
        AskOwners(set, in frame, hit);
        return _collected;
    }

    /// <summary>Asks those who wanted the step and nobody else.</summary>
    private int CollectOwnStep(PolicySet set, in EventFrame frame, out string? note)
    {
        note = null;
        ref readonly var facts = ref _context.Event.Facts;
        var steppers = _context.Singlesteps.TakeStep(facts.Vcpu, facts.Failed, ref set.BrokenOwners);
        if (steppers == 0)
        {
            note = "the step was given up meanwhile";
            return 0;
        }

        _context.Event.OwnStep = true;
        AskOwners(set, in frame, steppers);
        return _collected;
    }

    /// <summary>Asks the policies behind the first of the set's owners; for events that exist on their behalf alone.</summary>
    private void AskOwners(PolicySet set, in EventFrame frame, int count)
    {
        ref readonly var facts = ref _context.Event.Facts;
        var owners = set.BrokenOwners;
        SortByPolicyOrder(owners.AsSpan(0, count));
        _broken = count;
        _ownersOnly = true;
        for (var i = 0; i < count; i++)
        {
            foreach (var entry in EntriesOf(owners[i], facts.Kind))
            {
                if (entry.Event == facts.Kind && entry.Wants(in facts))
                {
                    Ask(set, entry, in frame, ref set.Votes[_collected]);
                    _collected++;
                    if (_context.Foreign.HasPassed)
                    {
                        return;
                    }
                }
            }
        }
    }

    private static void SortByPolicyOrder(Span<LeaseOwner> owners)
    {
        for (var i = 1; i < owners.Length; i++)
        {
            var owner = owners[i];
            var order = OrderOf(owner);
            var place = i;
            while (place > 0 && OrderOf(owners[place - 1]) > order)
            {
                owners[place] = owners[place - 1];
                place--;
            }

            owners[place] = owner;
        }
    }

    private static int OrderOf(LeaseOwner owner) => owner.Instance?.Order ?? int.MaxValue;

    private void Ask(PolicySet set, DispatchEntry entry, in EventFrame frame, ref Vote vote)
    {
        ref readonly var facts = ref _context.Event.Facts;
        var policy = entry.Policy;
        vote.Entry = entry;
        vote.Audit = !policy.Enforcing;
        vote.Failed = false;

        // A step that the policy asked for counts, but is never left out: what was opened for it has to be closed.
        vote.LeftOut = policy.Rate is { } rate && !IsAdmitted(set, policy, rate) && !_context.Event.OwnStep;
        if (vote.LeftOut)
        {
            // Allow also for a page fault: the kernel completes the one access, where a retry would only meet the page again.
            vote.Asked = Decision.Allow;
            vote.Effective = Decision.Allow;
            return;
        }

        vote.Asked = Run(set, entry, entry.Handler, in frame, ref vote.Failed);
        if (_context.Foreign.HasPassed)
        {
            vote.Effective = vote.Asked;
            if (vote.Audit && facts.Kind == EventKind.PageFault)
            {
                ReleasePage(policy);
            }

            return;
        }

        vote.Effective = vote.Audit
            ? Soften(set, entry, vote.Asked, in frame, ref vote.Failed)
            : MakePossible(set, entry, vote.Asked, in frame, ref vote.Failed);
    }

    /// <summary>Calls a handler (or the subscription's then); whatever goes wrong becomes the policy's onError decision.</summary>
    private Decision Run(PolicySet set, DispatchEntry entry, Delegate? handler, in EventFrame frame, ref bool failed)
    {
        ref readonly var facts = ref _context.Event.Facts;
        string? problem = null;
        try
        {
            Decision decision;
            if (handler is not null)
            {
                if (!TryInvoke(entry.Policy, handler, in frame, out decision, out problem))
                {
                    failed = true;
                    return PolicyErrors.ReportLate(_context, set, entry.Policy, in facts);
                }
            }
            else
            {
                var then = entry.Subscription.Then!;
                decision = HandlerCall.FromThen(then, in facts);
                var notices = then.Notices;
                for (var i = 0; i < notices.Count; i++)
                {
                    entry.Policy.Notices.Write(notices[i]);
                }
            }

            problem ??= HandlerCall.FindProblem(in decision, in facts);
            if (problem is null)
            {
                return decision;
            }
        }
        catch (WorkerHandlerException exception) when (exception.IsAway)
        {
            failed = true;
            return PolicyErrors.WhileAway(entry.Policy, in facts);
        }
        catch (Exception exception) when (exception is not (VmConnectionLostException or HandlerAbandonedException))
        {
            problem = PolicyErrors.TextOf(exception);
        }

        failed = true;
        return PolicyErrors.Report(_context, set, entry.Policy, in facts, problem);
    }

    /// <summary>Lends the thread to a handler.</summary>
    /// <returns>False when it came back after its deadline.</returns>
    private bool TryInvoke(PolicyInstance policy, Delegate handler, in EventFrame frame, out Decision decision, out string? problem)
    {
        var budget = policy.Budget;
        var meter = ScriptMeter.Current;
        Exception? failure = null;
        string? failureText = null;
        decision = default;
        meter.Begin(budget.Fuel, budget.Memory);
        _context.Foreign.Begin(policy, ForeignCall.Handler, budget.Timeout, meter);
        try
        {
            _context.Engine.Faults?.InPlaceOfHandler(_context.Foreign);
            decision = HandlerCall.Invoke(handler, in frame);
        }
        catch (Exception exception)
        {
            // The message may be the policy's code: it is asked for while the deadline still holds.
            failure = exception;
            failureText = meter.End() ?? PolicyErrors.TextOf(exception);
        }

        var inTime = _context.Foreign.End();

        // Also what a handler swallows counts: it was stopped, and its answer is worth nothing.
        problem = failureText ?? meter.End();
        if (failure is VmConnectionLostException or WorkerHandlerException { IsAway: true })
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        if (failure is WorkerHandlerException { IsLate: true })
        {
            return false;
        }

        return inTime;
    }

    /// <summary>Audit mode: what the vote becomes when the guest must not notice it.</summary>
    private Decision Soften(PolicySet set, DispatchEntry entry, in Decision asked, in EventFrame frame, ref bool failed)
    {
        ref readonly var facts = ref _context.Event.Facts;
        var limit = LegalDecisions.HarmlessLimit(facts.Kind);
        var effective = asked;
        if (asked.Kind > limit || asked.Otherwise is not null)
        {
            // For register events otherwise runs for its bookkeeping alone.
            effective = asked.Otherwise is { } otherwise ? Run(set, entry, otherwise, in frame, ref failed) : Decision.Retry;
        }

        if (facts.Kind != EventKind.PageFault)
        {
            return Decision.Allow;
        }

        if (effective.Kind != DecisionKind.Allow)
        {
            // Trying again must succeed: what still stands in the way of the access is this policy's own lease.
            ReleasePage(entry.Policy);
            return Decision.Retry;
        }

        return Decision.Allow;
    }

    /// <summary>Enforce mode: what the vote becomes when a command that it needs is missing.</summary>
    private Decision MakePossible(PolicySet set, DispatchEntry entry, in Decision asked, in EventFrame frame, ref bool failed)
    {
        var obstacle = FindObstacle(in asked, in frame);
        if (obstacle is null)
        {
            return asked;
        }

        ref readonly var facts = ref _context.Event.Facts;
        if (asked.Otherwise is { } otherwise)
        {
            var second = Run(set, entry, otherwise, in frame, ref failed);
            if (FindObstacle(in second, in frame) is null)
            {
                return second;
            }
        }

        failed = true;
        var onError = PolicyErrors.Report(_context, set, entry.Policy, in facts, obstacle);
        if (facts.Kind != EventKind.PageFault)
        {
            return onError;
        }

        ReleasePage(entry.Policy);
        return Decision.Retry;
    }

    private string? FindObstacle(in Decision decision, in EventFrame frame) => decision.Kind switch
    {
        DecisionKind.Inject when !_context.Offers(CommandKind.InjectException) =>
            "wants to inject an exception, but the VM does not allow the command inject-exception",
        DecisionKind.Skip when !_context.Offers(CommandKind.SetRegisters) =>
            "wants to skip the instruction, but the VM does not allow the command set-registers",
        DecisionKind.Skip when !_skip.TryFind(in frame) =>
            "wants to skip the instruction, but its length cannot be found",
        _ => null,
    };

    private void ReleasePage(PolicyInstance policy)
    {
        ref readonly var facts = ref _context.Event.Facts;
        if (policy.Owner is { } owner && _context.Pages.IsBroken(owner, facts.Gpa, facts.Access))
        {
            var error = _context.Pages.Set(owner, facts.Gpa, PageAccess.All);
            if (error != KvmiError.None)
            {
                _context.Status(
                    "lease-error", policy.Id, $"The page 0x{facts.Gpa & ~0xFFFUL:x} could not be released: the kernel answered {error}.");
            }
        }
    }
}
