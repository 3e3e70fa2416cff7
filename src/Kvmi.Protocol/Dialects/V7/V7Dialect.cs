using System.Buffers.Binary;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>
/// The dialect of the community kernel branch kvmi-v7, QEMU, libkvmi and LibVMI: "B2" in kvmi-later-dialects.md,
/// section 4. The parts of this class: ids and rules here, commands, events and registers in files of their own.
/// </summary>
internal sealed partial class V7Dialect : Dialect
{
    public static readonly V7Dialect Instance = new();

    private const int MaxPayloadBytes = 8184;
    private const int VcpuHeader = 8;
    private const int EntryLength = 16;

    private V7Dialect()
    {
    }

    public override KvmiDialect Id => KvmiDialect.V7;

    public override string Name => "v7";

    public override int MaxPayload => MaxPayloadBytes;

    public override int MaxPageAccessEntries => (MaxPayloadBytes - 8) / EntryLength;

    public override bool TryGetCommandId(CommandKind kind, out ushort id) => V7Ids.TryGetId(kind, out id);

    public override bool TryGetCommand(ushort id, out CommandKind kind) => V7Ids.TryGetKind(id, out kind);

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

    public override bool IsLegalAction(EventKind kind, EventAction action) => action switch
    {
        EventAction.Continue or EventAction.Crash => ExpectsReply(kind),
        EventAction.Retry => kind is EventKind.PageFault or EventKind.Breakpoint or EventKind.Descriptor,
        _ => false,
    };

    // PAUSE_VCPU has a vCPU header but is carried out by the receiving thread (kvmi-later-dialects.md 4.2).
    public override bool IsVcpuCommand(CommandKind kind) => kind is CommandKind.GetVcpuInfo or CommandKind.ControlEvents
        or CommandKind.ControlCr or CommandKind.ControlMsr or CommandKind.GetRegisters or CommandKind.SetRegisters
        or CommandKind.GetCpuid or CommandKind.GetXsave or CommandKind.InjectException or CommandKind.GetMtrrType
        or CommandKind.SetVeInfoPage or CommandKind.SwitchEptView or CommandKind.DisableVe or CommandKind.GetEptView
        or CommandKind.TranslateGva or CommandKind.ControlEptView or CommandKind.GetXcr or CommandKind.SetXsave
        or CommandKind.ChangeGfn or CommandKind.ControlSinglestep or CommandKind.AllocGfn or CommandKind.FreeGfn;

    public override bool ReturnsData(CommandKind kind) => kind is CommandKind.GetVersion or CommandKind.GetVmInfo
        or CommandKind.GetVcpuInfo or CommandKind.GetRegisters or CommandKind.GetCpuid or CommandKind.GetXsave
        or CommandKind.ReadPhysical or CommandKind.GetMapToken or CommandKind.GetMtrrType or CommandKind.GetMaxGfn
        or CommandKind.GetEptView or CommandKind.TranslateGva or CommandKind.GetXcr or CommandKind.GetNextAvailableGfn
        or CommandKind.QueryPhysical or CommandKind.CreateEptView;

    public override MessageRole Classify(MessageDirection direction, ushort id) => direction switch
    {
        MessageDirection.ToolToKernel => id == V7Ids.EventReply ? MessageRole.EventReply : MessageRole.Command,
        _ => id == V7Ids.Event ? MessageRole.Event : MessageRole.CommandReply,
    };

    /// <summary>Writes the header of a command and gives its zeroed payload.</summary>
    private static Span<byte> Begin(Span<byte> destination, CommandKind kind, uint sequence, int payload)
    {
        if (!V7Ids.TryGetId(kind, out var id))
        {
            throw new ArgumentException($"The v7 dialect has no {kind} command.", nameof(kind));
        }

        return Begin(destination, id, sequence, payload);
    }

    private static Span<byte> Begin(Span<byte> destination, ushort id, uint sequence, int payload)
    {
        if (payload > MaxPayloadBytes)
        {
            throw new ArgumentException($"A v7 payload is at most {MaxPayloadBytes} bytes, this one would be {payload}.", nameof(payload));
        }

        if (destination.Length < MessageHeader.Length + payload)
        {
            throw new ArgumentException(
                $"The message needs {MessageHeader.Length + payload} bytes, the destination has {destination.Length}.", nameof(destination));
        }

        new MessageHeader(id, (ushort)payload, sequence).Write(destination);
        var body = destination.Slice(MessageHeader.Length, payload);
        body.Clear();
        return body;
    }

    private static Span<byte> BeginVcpu(Span<byte> destination, CommandKind kind, uint sequence, ushort vcpu, int body)
    {
        var payload = Begin(destination, kind, sequence, VcpuHeader + body);
        BinaryPrimitives.WriteUInt16LittleEndian(payload, vcpu);
        return payload[VcpuHeader..];
    }
}
