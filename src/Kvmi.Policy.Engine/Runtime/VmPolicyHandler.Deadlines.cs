using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>Policies that take too long: the event's answer in their place, and going on with another thread.</summary>
public sealed partial class VmPolicyHandler
{
    private const string LateNote = "a deadline passed before all policies had answered";

    /// <inheritdoc/>
    public bool LendsThread => true;

    /// <inheritdoc/>
    public void OnDeadline(in EventFrame frame, ref EventReply reply)
    {
        _context.Foreign.Meter?.Stop();
        if (_deadline.IsDecided)
        {
            reply.Action = _deadline.Action;
            reply.NewValue = _deadline.NewValue;
            return;
        }

        var facts = new EventFacts(in frame);
        _deadline.Give(_decider.AtDeadline(_set, in facts));
        DecisionExecutor.Fill(_deadline.Decision, in facts, ref reply);
    }

    /// <inheritdoc/>
    public void Replaced()
    {
        var hung = _context.Foreign.TakeHung(out var call);
        if (hung is null)
        {
            return;
        }

        hung.IsHung = true;
        hung.Statistics.CountTimeout();
        hung.Statistics.CountError();
        if (_deadline.IsGiven && call == ForeignCall.Handler)
        {
            // The event was decided like any other that was late, and every vote on it counts, that of the lost handler included.
            var votes = _set.Votes.AsSpan(0, _decider.CompleteHung(_set, hung, in _context.Event.Facts));
            var elapsed = Elapsed(_start);
            DecisionReport.Count(votes, elapsed);
            _report.Write(LastOutcome, votes, _deadline.Decision, winner: -1, wouldHave: -1, LateNote, elapsed);
        }

        // The lost thread keeps the objects that it may still write to.
        _context.RenewEvent();
        _context.Status("timeout", hung.Id, HungText(hung, call));
        _context.Singlesteps.Settle();
        if (_change is { } change)
        {
            Change(change, call == ForeignCall.Start ? hung : null);
        }
        else if (_leaving is not null)
        {
            LeaveAll();
        }
        else
        {
            if (hung.InService)
            {
                QuarantineHung(hung);
            }

            if (_context.Master == MasterMode.Off)
            {
                // It hung in its OnDetach while all were switched off; the others must go, too.
                SwitchOff();
            }
        }
    }

    private static string HungText(PolicyInstance hung, ForeignCall call) => call switch
    {
        ForeignCall.Start => $"Its constructor, top-level statements or OnAttach have not returned within {PolicyBudget.StartTimeout.TotalSeconds:0} s. "
            + "Their thread is given up.",
        ForeignCall.Detach => $"Its OnDetach has not returned within {PolicyBudget.DetachTimeout.TotalSeconds:0} s. Its thread is given up.",
        _ => $"Its handler {PolicyErrors.TimeoutText(hung)} and does not return. The event was answered without it; its thread is given up.",
    };

    private void QuarantineHung(PolicyInstance hung)
    {
        hung.QuarantineDue = false;
        LeaseReturn.GiveBack(_context, hung);
        _context.Status(
            "quarantined",
            hung.Id,
            $"Policy {hung.Id} is out of service on this VM because its code does not return; its leases are given back, and the next reload "
            + "tries it again.");
        _set.RebuildTable();

        // Others may have been due when this one's OnDetach kept the thread.
        foreach (var policy in _set.Policies)
        {
            _set.QuarantineDue |= (policy.QuarantineDue || policy.RateDue) && policy.InService;
        }
    }

    /// <summary>The event was answered at its deadline, or is to be now: what the policies wish further is not carried out.</summary>
    private void DecideLate(PolicySet set, long start, ref EventReply reply)
    {
        ref readonly var facts = ref _context.Event.Facts;
        if (!_deadline.IsGiven)
        {
            _deadline.Give(_decider.AtDeadline(set, in facts));
        }

        DecisionExecutor.Fill(_deadline.Decision, in facts, ref reply);
        var votes = set.Votes.AsSpan(0, _decider.Collected);
        var elapsed = Elapsed(start);
        DecisionReport.Count(votes, elapsed);
        _report.Write(LastOutcome, votes, _deadline.Decision, winner: -1, wouldHave: -1, LateNote, elapsed);
    }
}
