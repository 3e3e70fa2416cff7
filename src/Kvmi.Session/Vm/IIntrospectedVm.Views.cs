using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Session.Vm;

/// <content>EPT views, virtualization exceptions, sub-page protection and guest frames: v7 alone has them, and not on every host.</content>
public partial interface IIntrospectedVm
{
    /// <summary>The EPT view that a vCPU runs in; 0 is the default one.</summary>
    KvmiError GetEptView(ushort vcpu, out ushort view)
    {
        view = 0;
        throw VmStandIn.Lacks(this, CommandKind.GetEptView);
    }

    /// <summary>Makes a vCPU run in another EPT view.</summary>
    KvmiError SwitchEptView(ushort vcpu, ushort view) => throw VmStandIn.Lacks(this, CommandKind.SwitchEptView);

    /// <summary>Says whether the guest may switch to a view by itself (VMFUNC).</summary>
    KvmiError ControlEptView(ushort vcpu, ushort view, bool visible) => throw VmStandIn.Lacks(this, CommandKind.ControlEptView);

    /// <summary>Makes a view (kernels from September 2023).</summary>
    KvmiError CreateEptView(out ushort view)
    {
        view = 0;
        throw VmStandIn.Lacks(this, CommandKind.CreateEptView);
    }

    /// <summary>Removes a view (kernels from September 2023).</summary>
    KvmiError DestroyEptView(ushort view) => throw VmStandIn.Lacks(this, CommandKind.DestroyEptView);

    /// <summary>
    /// Restricts the access to pages in one EPT view; as <see cref="SetPageAccess(ReadOnlySpan{PageAccessEntry})"/> for view 0. rfc-v5 has the
    /// field, and kernels that refuse every other number there.
    /// </summary>
    KvmiError SetPageAccess(ushort view, ReadOnlySpan<PageAccessEntry> entries) =>
        view == 0 ? SetPageAccess(entries) : throw VmStandIn.Lacks(this, CommandKind.SwitchEptView);

    /// <summary>Says where a vCPU reports virtualization exceptions.</summary>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="gpa">Guest-physical address of the information page.</param>
    /// <param name="triggerVmExit">Violations that could be #VE exit to the hypervisor all the same.</param>
    KvmiError SetVeInfoPage(ushort vcpu, ulong gpa, bool triggerVmExit) => throw VmStandIn.Lacks(this, CommandKind.SetVeInfoPage);

    /// <summary>Switches virtualization exceptions off.</summary>
    KvmiError DisableVe(ushort vcpu) => throw VmStandIn.Lacks(this, CommandKind.DisableVe);

    /// <summary>Says whether violations on a page stay EPT violations (true) or may become #VE (false).</summary>
    KvmiError SetPageSve(ushort view, ulong gpa, bool suppress) => throw VmStandIn.Lacks(this, CommandKind.SetPageSve);

    /// <summary>Switches sub-page protection on or off.</summary>
    KvmiError ControlSpp(bool enable) => throw VmStandIn.Lacks(this, CommandKind.ControlSpp);

    /// <summary>Says which 128-byte parts of pages may be written. Longer lists are split; the first error is the result.</summary>
    KvmiError SetPageWriteBitmap(ReadOnlySpan<PageWriteBitmapEntry> entries) => throw VmStandIn.Lacks(this, CommandKind.SetPageWriteBitmap);

    /// <summary>The next guest frame number that can be given memory with <see cref="AllocGfn"/> (kernels from October 2023).</summary>
    KvmiError GetNextAvailableGfn(out ulong gfn)
    {
        gfn = 0;
        throw VmStandIn.Lacks(this, CommandKind.GetNextAvailableGfn);
    }

    /// <summary>Where a frame lies in the host's file of guest memory, for tools on the same host (kernels from 2023).</summary>
    KvmiError QueryPhysical(ulong gfn, out PhysicalExtent extent)
    {
        extent = default;
        throw VmStandIn.Lacks(this, CommandKind.QueryPhysical);
    }

    /// <summary>Gives a guest frame memory; the device manager takes part (kernels from August 2023).</summary>
    KvmiError AllocGfn(ulong gfn) => throw VmStandIn.Lacks(this, CommandKind.AllocGfn);

    /// <summary>Takes the memory of a frame from <see cref="AllocGfn"/> away again.</summary>
    KvmiError FreeGfn(ulong gfn) => throw VmStandIn.Lacks(this, CommandKind.FreeGfn);

    /// <summary>
    /// Maps one guest frame to the memory of another; the same number twice restores the original. The layout of the message changed in
    /// December 2023: kernels that also know GET_NEXT_AVAILABLE_GFN, CREATE_EPT_VIEW and DESTROY_EPT_VIEW get the new one
    /// (kvmi-later-dialects.md 1.7).
    /// </summary>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="view">EPT view.</param>
    /// <param name="oldGfn">Frame to change.</param>
    /// <param name="newGfn">Frame whose memory it gets.</param>
    /// <returns><see cref="KvmiError.TryAgain"/> is possible; ask again.</returns>
    /// <exception cref="ArgumentException">A view other than 0, and the kernel takes the layout without a view.</exception>
    KvmiError ChangeGfn(ushort vcpu, ushort view, ulong oldGfn, ulong newGfn) => throw VmStandIn.Lacks(this, CommandKind.ChangeGfn);
}
