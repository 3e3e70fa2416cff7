using System.Buffers.Binary;

namespace Kvmi.Protocol.Dialects.Later;

/// <summary>
/// What v7, v11 and v12 share: the vCPU header, most bodies, the replies and the machine state (kvmi-later-dialects.md section 3, and
/// section 4 where it says "as D"). The parts of this class: ids and rules here, commands, replies and events in files of their own.
/// </summary>
internal abstract partial class LaterDialect : Dialect
{
    protected const int VcpuHeader = 8;
    protected const int EntryLength = 16;

    private const int MaxPayloadBytes = 8184;

    public sealed override int MaxPayload => MaxPayloadBytes;

    public sealed override int MaxPageAccessEntries => (MaxPayloadBytes - 8) / EntryLength;

    protected abstract CommandIds Commands { get; }

    /// <summary>Message id of an event reply, tool to kernel.</summary>
    protected abstract ushort EventReplyId { get; }

    public sealed override bool TryGetCommandId(CommandKind kind, out ushort id) => Commands.TryGetId(kind, out id);

    public sealed override bool TryGetCommand(ushort id, out CommandKind kind) => Commands.TryGetKind(id, out kind);

    public sealed override bool IsLegalAction(EventKind kind, EventAction action) => action switch
    {
        EventAction.Continue or EventAction.Crash => ExpectsReply(kind),
        EventAction.Retry => kind is EventKind.PageFault or EventKind.Breakpoint or EventKind.Descriptor,
        _ => false,
    };

    public override bool ReturnsData(CommandKind kind) => kind is CommandKind.GetVersion or CommandKind.GetVmInfo
        or CommandKind.GetVcpuInfo or CommandKind.GetRegisters or CommandKind.GetCpuid or CommandKind.GetXsave
        or CommandKind.ReadPhysical or CommandKind.GetMtrrType or CommandKind.TranslateGva or CommandKind.GetXcr;

    /// <summary>Writes the header of a command and gives its zeroed payload.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    protected Span<byte> BeginVcpu(Span<byte> destination, CommandKind kind, uint sequence, ushort vcpu, int body)
    {
        var payload = Begin(destination, kind, sequence, VcpuHeader + body);
        BinaryPrimitives.WriteUInt16LittleEndian(payload, vcpu);
        return payload[VcpuHeader..];
    }
}
