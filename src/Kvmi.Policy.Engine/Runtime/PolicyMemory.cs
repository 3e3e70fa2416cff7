using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Runtime.Services;
using Kvmi.Policy.Engine.Runtime.State;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>What a policy on one VM keeps over a reload when its declaration says so: state, pages and patches, the dedupe
/// window.</summary>
internal sealed class PolicyMemory
{
    public PolicyMemory(string policyId, NamedState state)
    {
        Owner = new LeaseOwner(policyId);
        State = state;
    }

    public LeaseOwner Owner { get; }

    public NamedState State { get; }

    public NoticeDedupe Dedupe { get; } = new();
}
