using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Runtime;

/// <content>The picture for whoever looks from outside, on any thread: reads references and counts, takes no lock, stops nobody.</content>
public sealed partial class VmPolicyHandler
{
    internal VmPolicySummary Summarise()
    {
        var set = Volatile.Read(ref _set);
        var master = _context.Master;
        List<VmPolicyState> policies = [];
        var traps = 0;
        foreach (var policy in set.Policies)
        {
            var state = StateOf(policy, master, set.Kept.GetValueOrDefault(policy.Id));
            traps += state.Traps;
            policies.Add(state);
        }

        foreach (var (id, reason) in set.Refusals)
        {
            policies.Add(new VmPolicyState(id, PolicyServiceState.Refused, null, reason, 0, 0, 0));
        }

        return new VmPolicySummary
        {
            Vm = _context.Name,
            Uuid = _context.Vm.Identity.Uuid,
            Generation = set.Generation?.Number ?? 0,
            MasterMode = master,
            Policies = policies,
            Events = _context.EventCounts.Index().Where(count => count.Item > 0).ToDictionary(count => (EventKind)count.Index, count => count.Item),
            Leases = new LeaseCounts(traps, _context.Pages.Count, _context.Patches.Count, _context.Breakpoints.Count),
            DecisionTime = _context.DecisionTime,
        };
    }

    private static VmPolicyState StateOf(PolicyInstance policy, MasterMode master, string? kept)
    {
        if (!policy.InService)
        {
            return new VmPolicyState(policy.Id, PolicyServiceState.Quarantined, null, null, 0, 0, 0);
        }

        var owner = policy.Owner;
        var demand = policy.Demand;
        return new VmPolicyState(
            policy.Id,
            PolicyServiceState.InService,
            master == MasterMode.AsWritten ? policy.Mode : PolicyMode.Audit,
            kept,
            demand.Events.Length + demand.Crs.Length + demand.Msrs.Length,
            owner?.PageCount ?? 0,
            owner?.PatchCount ?? 0);
    }
}
