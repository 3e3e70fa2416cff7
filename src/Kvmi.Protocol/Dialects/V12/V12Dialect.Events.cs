using System.Buffers.Binary;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.V12;

/// <summary>What is particular to the events of v12 and v11, both ends (kvmi-later-dialects.md 3.8).</summary>
internal sealed partial class V12Dialect
{
    private const int EventIdLength = 8;

    private static readonly EventLayout VmLayout = EventLayout.WithoutMachineState(KvmiDialect.V12);

    public override DecodeStatus ReadEvent(ReadOnlySpan<byte> message, out EventFrame frame)
    {
        if (!MessageHeader.TryRead(message, out var header) || header.Id != V12Ids.VmEvent)
        {
            return base.ReadEvent(message, out frame);
        }

        frame = default;
        if (message.Length < header.MessageLength || header.Size < EventIdLength)
        {
            return DecodeStatus.TooShort;
        }

        message = message[..header.MessageLength];
        if (!TryGetEvent(ReadEventId(message[MessageHeader.Length..]), out var kind) || !IsVmEvent(kind))
        {
            return DecodeStatus.UnknownId;
        }

        frame = new EventFrame(message, VmLayout, kind, 0, header.Sequence, MessageHeader.Length + EventIdLength);
        return DecodeStatus.Ok;
    }

    // An event of the VM names no vCPU, and nobody waits for a reply to it.
    public override DecodeStatus ReadUnknownEvent(ReadOnlySpan<byte> message, out ushort vcpu, out ushort eventId)
    {
        var status = base.ReadUnknownEvent(message, out vcpu, out eventId);
        return MessageHeader.TryRead(message, out var header) && header.Id == V12Ids.VmEvent ? DecodeStatus.UnknownId : status;
    }

    public override int WriteEvent(Span<byte> destination, uint sequence, ushort vcpu, in VcpuState state, in EventBody body)
    {
        if (!TryGetEventId(body.Kind, out var id))
        {
            throw new ArgumentException($"The {Name} dialect has no {body.Kind} event.", nameof(body));
        }

        var payload = IsVmEvent(body.Kind)
            ? Begin(destination, V12Ids.VmEvent, sequence, EventIdLength)
            : BeginEvent(destination, sequence, vcpu, in state, in body);
        BinaryPrimitives.WriteUInt16LittleEndian(payload, id);
        return MessageHeader.Length + payload.Length;
    }

    protected override ushort ReadEventId(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadUInt16LittleEndian(payload);

    protected override bool IsInBaseShape(EventKind kind) => !IsVmEvent(kind);

    protected override int EventDataLength(EventKind kind) => kind == EventKind.Xsetbv ? 24 : base.EventDataLength(kind);

    protected override void WriteEventData(Span<byte> data, in EventBody body)
    {
        base.WriteEventData(data, in body);
        if (body.Kind == EventKind.Xsetbv)
        {
            data[0] = (byte)body.Number;
            WriteValues(data, in body);
        }
    }
}
