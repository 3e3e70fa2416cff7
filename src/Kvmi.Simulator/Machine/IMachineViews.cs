using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine;

/// <summary>
/// The views of a machine's physical memory: second-level page tables that exist side by side, each with access rights, replaced frames and marks of its
/// own. View 0 is the one in which every vCPU starts. Any thread; a change holds from the next access of each vCPU on.
/// </summary>
public interface IMachineViews
{
    /// <summary>Number of views, numbered from 0.</summary>
    int Count { get; }

    /// <summary>
    /// True while <see cref="TrySetWriteBitmap"/> has effect. Off, the bitmaps stay recorded and the page's own write right decides. Off at the start.
    /// </summary>
    bool SubPageProtection { get; set; }

    /// <summary>Reads the access rights of a page in one view.</summary>
    /// <param name="view">0 to <see cref="Count"/> - 1.</param>
    /// <param name="gpa">An address in the page.</param>
    /// <param name="access">What is allowed.</param>
    /// <returns>False when there is no such view or the page is not guest memory.</returns>
    bool TryGetPageAccess(int view, ulong gpa, out PageAccess access);

    /// <summary>Sets the access rights of a page in one view. For view 0 it is <see cref="IMachine.TrySetPageAccess"/>.</summary>
    /// <param name="view">0 to <see cref="Count"/> - 1.</param>
    /// <param name="gpa">An address in the page.</param>
    /// <param name="access">What stays allowed.</param>
    /// <returns>False when there is no such view or the page is not guest memory.</returns>
    bool TrySetPageAccess(int view, ulong gpa, PageAccess access);

    /// <summary>
    /// Lets a page of one view show the memory of another one, to the guest only: <see cref="IMachine.TryReadPhysical"/> and
    /// <see cref="IMachine.TryWritePhysical"/> still reach the page itself.
    /// </summary>
    /// <param name="view">0 to <see cref="Count"/> - 1.</param>
    /// <param name="gpa">An address in the page that changes. Its access rights stay.</param>
    /// <param name="target">An address in the page whose memory it shows; in the same page: as it was at the start.</param>
    /// <returns>False when there is no such view or one of the pages is not guest memory.</returns>
    bool TryReplaceFrame(int view, ulong gpa, ulong target);

    /// <summary>Says whether forbidden accesses to a page may become #VE in the guest. All pages suppress it at the start.</summary>
    /// <param name="view">0 to <see cref="Count"/> - 1.</param>
    /// <param name="gpa">An address in the page.</param>
    /// <param name="suppress">True: they never do.</param>
    /// <returns>False when there is no such view or the page is not guest memory.</returns>
    bool TrySetSuppressVe(int view, ulong gpa, bool suppress);

    /// <summary>Gives write access to parts of a page in view 0, whatever its write right says; all parts: its write right alone counts again.</summary>
    /// <param name="gpa">An address in the page.</param>
    /// <param name="bitmap">Bit n: the 128 bytes from n * 128 on may be written. A write that touches two parts is forbidden.</param>
    /// <returns>False when the page is not guest memory.</returns>
    bool TrySetWriteBitmap(ulong gpa, uint bitmap);

    /// <summary>Puts everything back to how it was at the start, in all views.</summary>
    void Reset();
}
