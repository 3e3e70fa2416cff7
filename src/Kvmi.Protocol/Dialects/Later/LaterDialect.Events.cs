using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.Later;

/// <summary>Events of a vCPU, both ends (kvmi-later-dialects.md 3.8 and 4.1): their base, and the data that the dialects have in common.</summary>
internal abstract partial class LaterDialect
{
    /// <summary>Message id of the events of a vCPU, kernel to tool.</summary>
    protected const ushort VcpuEvent = 1;

    /// <summary>Length of the base, when it has not grown.</summary>
    protected const int BaseLength = 544;

    // Offsets inside the base.
    private const int Vcpu = 2;
    private const int Mode = 8;
    private const int Regs = 16;
    private const int Sregs = 160;
    private const int Msrs = 472;

    private readonly EventLayout _layout;

    /// <summary>Makes the dialect.</summary>
    /// <param name="id">Which.</param>
    /// <param name="eventHeader">Bytes in front of the base: 8 in v11 and v12, 0 in v7.</param>
    /// <param name="hasView">The base and page faults name the EPT view.</param>
    private protected LaterDialect(KvmiDialect id, int eventHeader, bool hasView)
    {
        EventHeader = eventHeader;
        var start = MessageHeader.Length + eventHeader;
        _layout = new EventLayout
        {
            Dialect = id,
            Mode = start + Mode,
            View = hasView ? start + Mode + 2 : -1,
            Regs = start + Regs,
            Sregs = start + Sregs,
            Msrs = start + Msrs,
            PageFaultHasView = hasView,
            CrIsByte = eventHeader != 0,
            XsetbvHasValues = eventHeader != 0,
        };
    }

    /// <summary>Bytes in front of the base.</summary>
    protected int EventHeader { get; }

    public override DecodeStatus ReadEvent(ReadOnlySpan<byte> message, out EventFrame frame)
    {
        frame = default;
        if (!MessageHeader.TryRead(message, out var header) || message.Length < header.MessageLength)
        {
            return DecodeStatus.TooShort;
        }

        if (header.Id != VcpuEvent)
        {
            return DecodeStatus.UnknownId;
        }

        message = message[..header.MessageLength];
        var payload = message[MessageHeader.Length..];
        if (payload.Length < EventHeader + BaseLength)
        {
            return DecodeStatus.TooShort;
        }

        // The size field is there so that the base can grow; the machine state before it keeps its offsets.
        var size = BinaryPrimitives.ReadUInt16LittleEndian(payload[EventHeader..]);
        if (size < BaseLength)
        {
            return DecodeStatus.InvalidField;
        }

        var data = EventHeader + size;
        if (data > payload.Length)
        {
            return DecodeStatus.TooShort;
        }

        if (!TryGetEvent(ReadEventId(payload), out var kind) || !IsInBaseShape(kind))
        {
            return DecodeStatus.UnknownId;
        }

        if (payload.Length - data < EventDataLength(kind))
        {
            return DecodeStatus.TooShort;
        }

        var vcpu = BinaryPrimitives.ReadUInt16LittleEndian(payload[(EventHeader + Vcpu)..]);
        frame = new EventFrame(message, _layout, kind, vcpu, header.Sequence, MessageHeader.Length + data);
        return DecodeStatus.Ok;
    }

    // Events that a newer kernel may know: the base in front of every event still tells whom to answer.
    public override DecodeStatus ReadUnknownEvent(ReadOnlySpan<byte> message, out ushort vcpu, out ushort eventId)
    {
        vcpu = 0;
        eventId = 0;
        if (message.Length < MessageHeader.Length + EventHeader + BaseLength)
        {
            return DecodeStatus.TooShort;
        }

        var payload = message[MessageHeader.Length..];
        vcpu = BinaryPrimitives.ReadUInt16LittleEndian(payload[(EventHeader + Vcpu)..]);
        eventId = ReadEventId(payload);
        return DecodeStatus.Ok;
    }

    /// <summary>The event's wire id, of a payload that is long enough for the base.</summary>
    protected abstract ushort ReadEventId(ReadOnlySpan<byte> payload);

    /// <summary>False for an event that has a message of another shape.</summary>
    protected virtual bool IsInBaseShape(EventKind kind) => true;

    /// <summary>Begins an event with the machine state; the event id is the caller's to write.</summary>
    protected Span<byte> BeginEvent(Span<byte> destination, uint sequence, ushort vcpu, in VcpuState state, in EventBody body)
    {
        var payload = Begin(destination, VcpuEvent, sequence, EventHeader + BaseLength + EventDataLength(body.Kind));
        var start = payload[EventHeader..];
        BinaryPrimitives.WriteUInt16LittleEndian(start, BaseLength);
        BinaryPrimitives.WriteUInt16LittleEndian(start[Vcpu..], vcpu);
        start[Mode] = state.Mode;
        MemoryMarshal.Write(start[Regs..], in state.Regs);
        MemoryMarshal.Write(start[Sregs..], in state.Sregs);
        MemoryMarshal.Write(start[Msrs..], in state.Msrs);
        WriteEventData(start[BaseLength..], in body);
        return payload;
    }

    protected virtual int EventDataLength(EventKind kind) => kind switch
    {
        EventKind.Cr or EventKind.Msr or EventKind.PageFault => 24,
        EventKind.Breakpoint or EventKind.Trap => 16,
        EventKind.Descriptor or EventKind.Singlestep => 8,
        _ => 0,
    };

    protected virtual void WriteEventData(Span<byte> data, in EventBody body)
    {
        switch (body.Kind)
        {
            case EventKind.Cr:
                data[0] = (byte)body.Number;
                WriteValues(data, in body);
                break;
            case EventKind.Msr:
                BinaryPrimitives.WriteUInt32LittleEndian(data, body.Number);
                WriteValues(data, in body);
                break;
            case EventKind.PageFault:
                BinaryPrimitives.WriteUInt64LittleEndian(data, body.First);
                BinaryPrimitives.WriteUInt64LittleEndian(data[8..], body.Second);
                data[16] = (byte)body.Access;
                break;
            case EventKind.Breakpoint:
                BinaryPrimitives.WriteUInt64LittleEndian(data, body.Second);
                data[8] = body.Flag;
                break;
            case EventKind.Trap:
                data[0] = (byte)body.Number;
                BinaryPrimitives.WriteUInt32LittleEndian(data[4..], body.Detail);
                BinaryPrimitives.WriteUInt64LittleEndian(data[8..], body.Second);
                break;
            case EventKind.Descriptor:
                data[0] = (byte)body.Number;
                data[1] = body.Flag;
                break;
            case EventKind.Singlestep:
                data[0] = body.Flag;
                break;
            default:
                break;
        }
    }

    protected static void WriteValues(Span<byte> data, in EventBody body)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(data[8..], body.First);
        BinaryPrimitives.WriteUInt64LittleEndian(data[16..], body.Second);
    }
}
