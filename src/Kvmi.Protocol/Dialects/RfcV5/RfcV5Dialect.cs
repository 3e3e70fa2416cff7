using System.Buffers.Binary;

namespace Kvmi.Protocol.Dialects.RfcV5;

/// <summary>
/// The dialect of the posted series RFC v5, December 2018: kvmi-rfc-v5.md. The parts of this class: ids and rules here, framing,
/// commands, events and replies in files of their own.
/// </summary>
internal sealed partial class RfcV5Dialect : Dialect
{
    /// <summary>What the code of the series does: padding is never looked at (rfc-v5 0.2, profile K).</summary>
    public static readonly RfcV5Dialect Instance = new(checksPadding: false);

    /// <summary>What its document promises: padding that is not zero is −EINVAL (rfc-v5 0.2, profile D). Only for the kernel's end.</summary>
    public static readonly RfcV5Dialect Documented = new(checksPadding: true);

    private const int MaxPayloadBytes = ushort.MaxValue;
    private const int EntryLength = 16;

    // A tool's request keeps to the documented message size, WRITE_PHYSICAL of a whole page aside (rfc-v5 1.3).
    private const int MaxRequest = 4096;
    private const int MaxRequestedMsrs = 128;

    private readonly bool _checksPadding;

    private RfcV5Dialect(bool checksPadding) => _checksPadding = checksPadding;

    public override KvmiDialect Id => KvmiDialect.RfcV5;

    public override string Name => "rfc-v5";

    public override int MaxPayload => MaxPayloadBytes;

    public override int MaxPageAccessEntries => (MaxRequest - MessageHeader.Length - 8) / EntryLength;

    public override bool EventsAreMasks => true;

    public override bool RepliesNameVcpu => false;

    public override bool TryGetCommandId(CommandKind kind, out ushort id) => RfcV5Ids.TryGetId(kind, out id);

    public override bool TryGetCommand(ushort id, out CommandKind kind) => RfcV5Ids.TryGetKind(id, out kind);

    public override bool TryGetEventId(EventKind kind, out ushort id)
    {
        id = (ushort)kind;
        return id < RfcV5Ids.EventLimit;
    }

    public override bool TryGetEvent(ushort id, out EventKind kind)
    {
        kind = (EventKind)id;
        return id < RfcV5Ids.EventLimit;
    }

    public override bool IsVmEvent(EventKind kind) => kind is EventKind.Unhook or EventKind.CreateVcpu;

    public override bool ExpectsReply(EventKind kind) => kind is > EventKind.Unhook and <= EventKind.PauseVcpu;

    // Unlike in the later dialects, TRAP has to be switched on (rfc-v5 4.1).
    public override CommandKind? SwitchedOnBy(EventKind kind) => kind == EventKind.Trap ? CommandKind.ControlEvents : base.SwitchedOnBy(kind);

    public override bool IsLegalAction(EventKind kind, EventAction action) => action switch
    {
        EventAction.Continue or EventAction.Crash => ExpectsReply(kind),
        EventAction.Retry => kind is EventKind.PageFault or EventKind.Breakpoint,
        _ => false,
    };

    // GET_GUEST_INFO too (rfc-v5 3.2).
    public override bool IsVcpuCommand(CommandKind kind) => kind is CommandKind.GetVmInfo or CommandKind.GetRegisters
        or CommandKind.SetRegisters or CommandKind.GetPageAccess or CommandKind.SetPageAccess or CommandKind.InjectException
        or CommandKind.ControlEvents or CommandKind.ControlCr or CommandKind.ControlMsr or CommandKind.GetCpuid or CommandKind.GetXsave;

    public override bool ReturnsData(CommandKind kind) => kind is CommandKind.GetVersion or CommandKind.GetVmInfo
        or CommandKind.GetRegisters or CommandKind.GetPageAccess or CommandKind.GetCpuid or CommandKind.GetXsave
        or CommandKind.ReadPhysical or CommandKind.GetMapToken or CommandKind.PauseAllVcpus;

    public override MessageRole Classify(MessageDirection direction, ushort id) => direction switch
    {
        MessageDirection.ToolToKernel => id == RfcV5Ids.EventReply ? MessageRole.EventReply : MessageRole.Command,
        _ => id == RfcV5Ids.Event ? MessageRole.Event : MessageRole.CommandReply,
    };

    /// <summary>Writes the header of a command and gives its zeroed payload.</summary>
    private Span<byte> BeginVcpu(Span<byte> destination, CommandKind kind, uint sequence, ushort vcpu, int payload)
    {
        var body = Begin(destination, kind, sequence, payload);
        BinaryPrimitives.WriteUInt16LittleEndian(body, vcpu);
        return body;
    }
}
