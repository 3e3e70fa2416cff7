using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Fuzz.Decoders;

/// <content>Commands of fixed length, as the hypervisor's end reads them.</content>
internal static partial class TypedDecoders
{
    private static TypedDecoder[] NumberCommands() =>
    [
        Command<CheckCommand>(CommandKind.CheckCommand, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<CheckEvent>(CommandKind.CheckEvent, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<PauseVcpu>(CommandKind.PauseVcpu, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<ControlVmEvents>(
            CommandKind.ControlVmEvents, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v), d => !d.EventsAreMasks),
        Command<ControlEvents>(
            CommandKind.ControlEvents, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v), d => !d.EventsAreMasks),
        Command<ControlVmEventMask>(
            CommandKind.ControlVmEvents, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v), d => d.EventsAreMasks),
        Command<ControlEventMask>(
            CommandKind.ControlEvents, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v), d => d.EventsAreMasks),
        Command<ControlCr>(CommandKind.ControlCr, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<ControlMsr>(CommandKind.ControlMsr, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<ReadPhysical>(CommandKind.ReadPhysical, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<InjectException>(CommandKind.InjectException, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<ControlCommandResponse>(
            CommandKind.ControlCommandResponse, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<GetCpuid>(CommandKind.GetCpuid, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<TranslateGva>(CommandKind.TranslateGva, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<ControlSinglestep>(
            CommandKind.ControlSinglestep, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<GetXcr>(CommandKind.GetXcr, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<GetMtrrType>(CommandKind.GetMtrrType, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<ControlCleanup>(CommandKind.ControlCleanup, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<SwitchEptView>(CommandKind.SwitchEptView, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<ControlEptView>(CommandKind.ControlEptView, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<DestroyEptView>(CommandKind.DestroyEptView, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<SetVeInfoPage>(CommandKind.SetVeInfoPage, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<SetPageSve>(CommandKind.SetPageSve, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<ControlSpp>(CommandKind.ControlSpp, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<QueryPhysical>(CommandKind.QueryPhysical, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<AllocGfn>(CommandKind.AllocGfn, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<FreeGfn>(CommandKind.FreeGfn, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
        Command<ChangeGfn>(CommandKind.ChangeGfn, (d, p, out v) => d.Read(p, out v), (d, to, in v) => d.Write(to, 1, in v)),
    ];
}
