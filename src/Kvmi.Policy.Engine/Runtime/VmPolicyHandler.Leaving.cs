using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Model;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Runtime;

/// <content>How policies leave: quarantine, the switch over all of them, the end of the connection.</content>
public sealed partial class VmPolicyHandler
{
    /// <inheritdoc/>
    public void Detaching(DetachReason reason)
    {
        if (!_attached)
        {
            return;
        }

        _attached = false;
        EndShadow();
        _leaving = _set;
        _set = new PolicySet(null, []);
        _commandsWork = reason is DetachReason.Stopping or DetachReason.Unhook;
        LeaveAll();
    }

    /// <summary>Lets all policies go, or those that are left when a thread was lost on the way.</summary>
    private void LeaveAll()
    {
        var set = _leaving!;
        try
        {
            foreach (var policy in set.Policies)
            {
                if (policy is { InService: true, SaidGoodbye: false })
                {
                    policy.SaidGoodbye = true;
                    SayGoodbye(policy);
                }
            }

            if (_commandsWork)
            {
                GiveBackAll(set);
            }

            ReportWhatStays();
        }
        catch (Exception exception) when (exception is not HandlerAbandonedException)
        {
            EndOf(set);
            throw;
        }

        EndOf(set);
    }

    private void EndOf(PolicySet set)
    {
        foreach (var policy in set.Policies)
        {
            policy.TakeOutOfService();
        }

        _leaving = null;
        _context.Engine.Remove(this);
        _context.CloseJournal();
        set.Release();
    }

    private void SayGoodbye(PolicyInstance policy)
    {
        try
        {
            InstanceCode.Detach(_context, policy);
        }
        catch (VmConnectionLostException exception)
        {
            if (_commandsWork)
            {
                _commandsWork = false;
                ReportLoss(exception);
            }
        }
    }

    private void GiveBackAll(PolicySet set)
    {
        try
        {
            LeaseReturn.GiveBackAll(_context, set.Policies);
        }
        catch (VmConnectionLostException exception)
        {
            ReportLoss(exception);
        }
    }

    private void ReportLoss(VmConnectionLostException exception) =>
        _context.Status(LeaseFault.DefaultStatus, null, $"The connection was lost while leases were given back: {exception.Message}");

    /// <summary>Page rights and traps end with the connection; bytes in the guest's memory do not.</summary>
    private void ReportWhatStays()
    {
        if (_context.Patches.Count == 0)
        {
            return;
        }

        _context.Status(
            "patches-left",
            null,
            _context.Patches.Journal is null
                ? $"{_context.Patches.Count} patches stay in the memory of {_context.Name}, and without a state directory nothing puts them back."
                : $"{_context.Patches.Count} patches stay in the memory of {_context.Name}; its journal puts them back when it connects again.");
    }

    private void Retire(PolicyInstance policy)
    {
        InstanceCode.Detach(_context, policy);
        LeaseReturn.GiveBack(_context, policy);
    }

    private void ChangeModes(PolicyModes to)
    {
        _context.Modes = to;
        foreach (var policy in _set.Policies)
        {
            var mode = to.Of(policy.Definition);
            if (policy.Mode == mode)
            {
                continue;
            }

            policy.Mode = mode;
            if (mode == PolicyMode.Audit && policy.Owner is { } owner)
            {
                LeaseReturn.GiveBackOfEnforcing(_context, owner);
            }

            _context.Status("policy-mode", policy.Id, mode == PolicyMode.Audit
                ? $"Policy {policy.Id} is in audit mode on {_context.Name} now; what it wrote into its memory is taken back."
                : $"Policy {policy.Id} is in enforce mode on {_context.Name} now.");
        }
    }

    private void ChangeMaster(MasterMode to)
    {
        var from = _context.Master;
        _context.Master = to;
        if (from == MasterMode.Off)
        {
            // Whatever generation is live is built from the start.
            var empty = _set;
            _set = new PolicySet(null, []);
            empty.Release();
        }
        else if (to == MasterMode.Off)
        {
            SwitchOff();
            return;
        }
        else if (to == MasterMode.Audit)
        {
            foreach (var policy in _set.Policies)
            {
                if (policy is { Owner: { } owner, Mode: PolicyMode.Enforce })
                {
                    LeaseReturn.GiveBackOfEnforcing(_context, owner);
                }
            }
        }

        _context.Status("master-mode", null, to == MasterMode.Audit
            ? $"All policies are in audit mode on {_context.Name}; what they wrote into its memory is taken back."
            : $"All policies are in the mode that their files say on {_context.Name}.");
    }

    /// <summary>Lets all policies go, or those that are left when a thread was lost on the way; the generation stays taken.</summary>
    private void SwitchOff()
    {
        foreach (var policy in _set.Policies)
        {
            if (policy.InService)
            {
                Retire(policy);
            }
        }

        _set.ReleaseEarlier();
        _set = new PolicySet(_set.Generation, []);
        _context.Status("master-mode", null, $"All policies are off on {_context.Name}, and everything is given back.");
    }

    private void Quarantine()
    {
        _set.QuarantineDue = false;
        foreach (var policy in _set.Policies)
        {
            if (policy is { RateDue: true, InService: true })
            {
                ApplyRate(policy);
            }

            if (!policy.QuarantineDue || !policy.InService)
            {
                continue;
            }

            Retire(policy);
            var limit = policy.Definition.OnError;
            _context.Status(
                "quarantined",
                policy.Id,
                $"Policy {policy.Id} is out of service on this VM after {limit.QuarantineAfter} errors within {limit.Window}; its "
                + "leases are given back, and the next reload tries it again.");
        }

        _set.RebuildTable();
    }
}
