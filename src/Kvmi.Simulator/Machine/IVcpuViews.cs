namespace Kvmi.Simulator.Machine;

/// <summary>
/// The view of memory that one vCPU runs in, and what it may do about it. As the vCPU itself: one thread at a time, while the vCPU does not run.
/// </summary>
public interface IVcpuViews
{
    /// <summary>The view it runs in; it can change by itself while the vCPU runs (VMFUNC).</summary>
    int Current { get; }

    /// <summary>Switches to a view.</summary>
    /// <returns>False when there is no such view.</returns>
    bool TrySwitch(int view);

    /// <summary>Says whether the guest can switch this vCPU to a view with VMFUNC. None is visible at the start.</summary>
    /// <returns>False when there is no such view.</returns>
    bool TrySetVisible(int view, bool visible);

    /// <summary>
    /// Lets forbidden accesses to pages that do not suppress it become #VE (vector 20). The CPU writes the facts into a page first, and only while the 32-bit
    /// word at offset 4 of it is zero: the guest clears it when it is ready for the next one (Intel SDM volume 3, virtualization exceptions).
    /// </summary>
    /// <param name="gpa">The page; a multiple of 4096.</param>
    /// <param name="exits">True: the facts are written, but Run ends with <see cref="VcpuExitKind.PageAccess"/> instead of a #VE.</param>
    /// <returns>False when it is no page of guest memory, or the machine has no #VE.</returns>
    bool TryEnableVe(ulong gpa, bool exits);

    /// <summary>Ends <see cref="TryEnableVe"/>.</summary>
    void DisableVe();

    /// <summary>Back to the start: view 0, none visible, no #VE.</summary>
    void Reset();
}
