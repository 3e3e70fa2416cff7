using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects.Later;

namespace Kvmi.Protocol.Dialects.V12;

/// <summary>
/// The newest published wire, v12, and v11, which differs in two command ids: "D2" and "D1" in kvmi-later-dialects.md, section 3.
/// What it shares with v7 is in the base class.
/// </summary>
internal sealed partial class V12Dialect : LaterDialect
{
    public static readonly V12Dialect Instance = new(KvmiDialect.V12, "v12", V12Ids.Commands);

    public static readonly V12Dialect V11 = new(KvmiDialect.V11, "v11", V12Ids.CommandsOfV11);

    private V12Dialect(KvmiDialect id, string name, CommandIds commands)
        : base(id, eventHeader: 8, hasView: false)
    {
        Id = id;
        Name = name;
        Commands = commands;
    }

    public override KvmiDialect Id { get; }

    public override string Name { get; }

    protected override CommandIds Commands { get; }

    protected override ushort EventReplyId => V12Ids.VcpuEvent;

    protected override CommandStatus VcpuPaddingStatus => CommandStatus.Invalid;

    public override bool TryGetEventId(EventKind kind, out ushort id) => V12Ids.TryGetEventId(kind, out id);

    public override bool TryGetEvent(ushort id, out EventKind kind) => V12Ids.TryGetEvent(id, out kind);

    public override bool IsVmEvent(EventKind kind) => kind == EventKind.Unhook;

    public override bool ExpectsReply(EventKind kind) => kind != EventKind.Unhook && TryGetEventId(kind, out _);

    public override CommandKind? SwitchedOnBy(EventKind kind) => kind == EventKind.Singlestep ? null : base.SwitchedOnBy(kind);

    public override bool IsVcpuCommand(CommandKind kind) => TryGetCommandId(kind, out var id) && (id & 1) != 0;

    public override bool ReturnsData(CommandKind kind) =>
        base.ReturnsData(kind) || (kind == CommandKind.GetMaxGfn && TryGetCommandId(kind, out _));

    public override MessageRole Classify(MessageDirection direction, ushort id) => direction switch
    {
        MessageDirection.ToolToKernel => id == V12Ids.VcpuEvent ? MessageRole.EventReply : MessageRole.Command,
        _ => id is V12Ids.VmEvent or V12Ids.VcpuEvent ? MessageRole.Event : MessageRole.CommandReply,
    };
}
