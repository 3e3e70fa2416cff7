using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Support;

/// <summary>One call of every single command that a tool can give.</summary>
internal static class EveryCommand
{
    public static IReadOnlyList<(CommandKind Kind, Func<IIntrospectedVm, KvmiError> Call)> Calls { get; } =
    [
        (CommandKind.GetVcpuInfo, vm => vm.GetVcpuInfo(0, out _)),
        (CommandKind.PauseVcpu, vm => vm.PauseVcpu(0, true)),
        (CommandKind.ControlVmEvents, vm => vm.ControlVmEvents(EventKind.Unhook, true)),
        (CommandKind.ControlEvents, vm => vm.ControlEvents(0, EventKind.Cr, true)),
        (CommandKind.ControlCr, vm => vm.ControlCr(0, 3, true)),
        (CommandKind.ControlMsr, vm => vm.ControlMsr(0, 0xC0000082, true)),
        (CommandKind.GetRegisters, vm => vm.GetRegisters(0, out _, [])),
        (CommandKind.GetCpuid, vm => vm.GetCpuid(0, 1, 0, out _)),
        (CommandKind.GetXsave, vm => vm.GetXsave(0, new byte[4096], out _)),
        (CommandKind.ReadPhysical, vm => vm.ReadPhysical(0x1000, new byte[8])),
        (CommandKind.WritePhysical, vm => vm.WritePhysical(0x1000, new byte[8])),
        (CommandKind.InjectException, vm => vm.InjectException(new InjectException(0, 13, 1, 0))),
        (CommandKind.SetPageAccess, vm => vm.SetPageAccess([new PageAccessEntry(0x1000, PageAccess.Read)])),
        (CommandKind.GetMapToken, vm => vm.GetMapToken(out _)),
        (CommandKind.GetMtrrType, vm => vm.GetMtrrType(0, 0x1000, out _)),
        (CommandKind.ControlSpp, vm => vm.ControlSpp(true)),
        (CommandKind.SetPageWriteBitmap, vm => vm.SetPageWriteBitmap([new PageWriteBitmapEntry(0x1000, 3)])),
        (CommandKind.SetVeInfoPage, vm => vm.SetVeInfoPage(0, 0x1000, true)),
        (CommandKind.GetMaxGfn, vm => vm.GetMaxGfn(out _)),
        (CommandKind.SetPageSve, vm => vm.SetPageSve(0, 0x1000, true)),
        (CommandKind.GetNextAvailableGfn, vm => vm.GetNextAvailableGfn(out _)),
        (CommandKind.SwitchEptView, vm => vm.SwitchEptView(0, 1)),
        (CommandKind.DisableVe, vm => vm.DisableVe(0)),
        (CommandKind.GetEptView, vm => vm.GetEptView(0, out _)),
        (CommandKind.TranslateGva, vm => vm.TranslateGva(0, 0x1000, out _)),
        (CommandKind.ControlEptView, vm => vm.ControlEptView(0, 1, true)),
        (CommandKind.GetXcr, vm => vm.GetXcr(0, 0, out _)),
        (CommandKind.SetXsave, vm => vm.SetXsave(0, new byte[4096])),
        (CommandKind.QueryPhysical, vm => vm.QueryPhysical(1, out _)),
        (CommandKind.AllocGfn, vm => vm.AllocGfn(1)),
        (CommandKind.FreeGfn, vm => vm.FreeGfn(1)),
        (CommandKind.CreateEptView, vm => vm.CreateEptView(out _)),
        (CommandKind.DestroyEptView, vm => vm.DestroyEptView(1)),
        (CommandKind.ChangeGfn, vm => vm.ChangeGfn(0, 1, 2, 3)),
        (CommandKind.ControlSinglestep, vm => vm.ControlSinglestep(0, true)),
        (CommandKind.ControlCleanup, vm => vm.ControlCleanup(false)),
        (CommandKind.GetPageAccess, vm => vm.GetPageAccess([0x1000], new PageAccess[1])),
    ];
}
