using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects.Later;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>
/// The dialect of the community kernel branch kvmi-v7, QEMU, libkvmi and LibVMI: "B2" in kvmi-later-dialects.md,
/// section 4. What it shares with v11 and v12 is in the base class.
/// </summary>
internal sealed partial class V7Dialect : LaterDialect
{
    public static readonly V7Dialect Instance = new();

    private V7Dialect()
        : base(KvmiDialect.V7, eventHeader: 0, hasView: true)
    {
    }

    public override KvmiDialect Id => KvmiDialect.V7;

    public override string Name => "v7";

    protected override CommandIds Commands => V7Ids.Commands;

    protected override ushort EventReplyId => V7Ids.EventReply;

    protected override CommandStatus VcpuPaddingStatus => CommandStatus.Close;

    public override bool TryGetEventId(EventKind kind, out ushort id)
    {
        id = (ushort)kind;
        return id < V7Ids.EventLimit;
    }

    public override bool TryGetEvent(ushort id, out EventKind kind)
    {
        kind = (EventKind)id;
        return id < V7Ids.EventLimit;
    }

    // CMD_ERROR is governed by the flag of CONTROL_CMD_RESPONSE; the kernel's tables list it with the vCPU events (4.2).
    public override bool IsVmEvent(EventKind kind) => kind is EventKind.Unhook or EventKind.CreateVcpu;

    public override bool ExpectsReply(EventKind kind) => kind is not (EventKind.Unhook or EventKind.CommandError);

    // Unlike in v11 and v12, SINGLESTEP has to be switched on (4.1).
    public override CommandKind? SwitchedOnBy(EventKind kind) =>
        kind == EventKind.CommandError ? CommandKind.ControlCommandResponse : base.SwitchedOnBy(kind);

    // PAUSE_VCPU has a vCPU header but is carried out by the receiving thread (kvmi-later-dialects.md 4.2).
    public override bool IsVcpuCommand(CommandKind kind) => kind is CommandKind.GetVcpuInfo or CommandKind.ControlEvents
        or CommandKind.ControlCr or CommandKind.ControlMsr or CommandKind.GetRegisters or CommandKind.SetRegisters
        or CommandKind.GetCpuid or CommandKind.GetXsave or CommandKind.InjectException or CommandKind.GetMtrrType
        or CommandKind.SetVeInfoPage or CommandKind.SwitchEptView or CommandKind.DisableVe or CommandKind.GetEptView
        or CommandKind.TranslateGva or CommandKind.ControlEptView or CommandKind.GetXcr or CommandKind.SetXsave
        or CommandKind.ChangeGfn or CommandKind.ControlSinglestep or CommandKind.AllocGfn or CommandKind.FreeGfn;

    public override bool ReturnsData(CommandKind kind) => base.ReturnsData(kind) || kind is CommandKind.GetMapToken or CommandKind.GetMaxGfn
        or CommandKind.GetEptView or CommandKind.GetNextAvailableGfn or CommandKind.QueryPhysical or CommandKind.CreateEptView;

    public override MessageRole Classify(MessageDirection direction, ushort id) => direction switch
    {
        MessageDirection.ToolToKernel => id == V7Ids.EventReply ? MessageRole.EventReply : MessageRole.Command,
        _ => id == V7Ids.Event ? MessageRole.Event : MessageRole.CommandReply,
    };
}
