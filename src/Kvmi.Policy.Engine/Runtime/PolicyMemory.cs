using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Output.Alerts;
using Kvmi.Policy.Engine.Runtime.State;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>What a policy on one VM keeps over a reload when its declaration says so: state, pages and patches, the open
/// windows of its alerts.</summary>
internal sealed class PolicyMemory
{
    public PolicyMemory(string policyId, NamedState state, ulong hashSeed)
    {
        Owner = new LeaseOwner(policyId);
        State = state;
        AlertWindows = new AlertWindows(hashSeed);
    }

    public LeaseOwner Owner { get; }

    public NamedState State { get; }

    /// <summary>Which of its alerts are kept back now. The output thread's alone.</summary>
    public AlertWindows AlertWindows { get; }
}
