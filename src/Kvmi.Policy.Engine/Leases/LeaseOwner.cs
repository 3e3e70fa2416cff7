using Kvmi.Policy.Engine.Runtime;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// Who holds pages and memory patches on one VM. It outlives a policy instance when the policy keeps its state over a
/// reload: then the next instance takes the owner over, with all that it holds.
/// </summary>
internal sealed class LeaseOwner
{
    public LeaseOwner(string policyId) => PolicyId = policyId;

    public string PolicyId { get; }

    /// <summary>The instance that serves; null when the policy is out of service.</summary>
    public PolicyInstance? Instance { get; set; }

    /// <summary>Frames that this owner restricts.</summary>
    public int PageCount { get; set; }

    /// <summary>Patches that this owner has in the guest's memory.</summary>
    public int PatchCount { get; set; }

    /// <summary>It was told once that the owner's patches are refused.</summary>
    public bool RefusalTold { get; set; }
}
