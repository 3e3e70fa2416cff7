namespace Kvmi.Policy;

/// <summary>
/// EPT views (KVMI_VCPU_SWITCH_EPT_VIEW): second-level page tables that exist side by side, between which single vCPUs can be switched. View 0 is
/// the one in which every vCPU starts and for which <see cref="IPageLeases"/> holds. In a view of this policy its own page rights do not hold and
/// those of all other policies do: so one vCPU can be let onto a page that this policy guards while the others stay out. A view belongs to the first
/// policy that takes it, a vCPU to the policy that switched it. Unload, quarantine, audit mode and exit give both back. For the VM's owner thread.
/// </summary>
/// <remarks>
/// v7 alone has views, on Intel processors; its builds from September 2023 can make them, earlier ones have a fixed number that they do not tell
/// (kvmi-later-dialects.md 1.5, 4.2). A policy that cannot work without them writes <c>requires: { commands: [switch-ept-view] }</c>. Untrusted
/// policies have none.
/// </remarks>
public interface IViewLeases
{
    /// <summary>
    /// True where the VM offers the commands: its dialect has them, its kernel is new enough and its administrator allows them. A host whose
    /// processor has no views still refuses every <see cref="Switch"/>.
    /// </summary>
    bool IsSupported { get; }

    /// <summary>Makes a view for this policy, which is destroyed when the policy ends.</summary>
    /// <param name="view">Its number, 1 and up; 0 when there is none.</param>
    /// <returns>False in audit mode, where the kernel cannot make views (it has a fixed number: try those from 1), or has no more.</returns>
    bool TryCreate(out ushort view);

    /// <summary>Switches a vCPU to a view, and takes a view that no policy has. It holds from the vCPU's next instruction.</summary>
    /// <param name="vcpu">vCPU index; usually that of the event.</param>
    /// <param name="view">1 and up; the way to the default view is <see cref="Back"/>.</param>
    /// <returns>
    /// False when the vCPU runs on in the view that it is in: the policy is in audit mode, another policy has the view or the vCPU, there is no such
    /// vCPU or view, or the kernel refused.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The view is 0.</exception>
    bool Switch(ushort vcpu, ushort view);

    /// <summary>Switches a vCPU back to the view that it was in before this policy's first <see cref="Switch"/>.</summary>
    /// <returns>False when the kernel refused: the vCPU is still in the view of this policy. True also when this policy had not switched it.</returns>
    bool Back(ushort vcpu);

    /// <summary>The view to which this policy has switched the vCPU; null when it has not.</summary>
    ushort? Get(ushort vcpu);
}
