using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.RfcV5;

/// <summary>Events and their replies, both ends (rfc-v5 4).</summary>
internal sealed partial class RfcV5Dialect
{
    private const int BaseLength = 536;
    private const int ReplyLength = 8;
    private const int PageFaultExtra = 264;
    private const int MaxContext = 256;

    private static readonly EventLayout Layout = new()
    {
        Dialect = KvmiDialect.RfcV5,
        Mode = MessageHeader.Length + 6,
        View = -1,
        Regs = MessageHeader.Length + 8,
        Sregs = MessageHeader.Length + 152,
        Msrs = MessageHeader.Length + 464,
        DescriptorData = 16,
        BreakpointHasLength = false,
    };

    public override DecodeStatus ReadEvent(ReadOnlySpan<byte> message, out EventFrame frame)
    {
        frame = default;
        if (!MessageHeader.TryRead(message, out var header) || message.Length < header.MessageLength)
        {
            return DecodeStatus.TooShort;
        }

        if (header.Id != RfcV5Ids.Event)
        {
            return DecodeStatus.UnknownId;
        }

        message = message[..header.MessageLength];
        var payload = message[MessageHeader.Length..];
        if (payload.Length < BaseLength)
        {
            return DecodeStatus.TooShort;
        }

        var id = U32(payload, 0);
        if (id >= RfcV5Ids.EventLimit)
        {
            return DecodeStatus.UnknownId;
        }

        var kind = (EventKind)id;
        if (payload.Length < BaseLength + DataLength(kind))
        {
            return DecodeStatus.TooShort;
        }

        frame = new EventFrame(message, Layout, kind, U16(payload, 4), header.Sequence, MessageHeader.Length + BaseLength);
        return DecodeStatus.Ok;
    }

    public override DecodeStatus ReadUnknownEvent(ReadOnlySpan<byte> message, out ushort vcpu, out ushort eventId)
    {
        vcpu = 0;
        eventId = 0;
        if (message.Length < MessageHeader.Length + BaseLength)
        {
            return DecodeStatus.TooShort;
        }

        var payload = message[MessageHeader.Length..];
        vcpu = U16(payload, 4);
        eventId = (ushort)Math.Min(U32(payload, 0), ushort.MaxValue);
        return DecodeStatus.Ok;
    }

    public override int WriteUnknownEventReply(Span<byte> destination, uint sequence, ushort vcpu, ushort eventId)
    {
        var payload = Begin(destination, RfcV5Ids.EventReply, sequence, ReplyLength);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[4..], eventId);
        return MessageHeader.Length + ReplyLength;
    }

    public override int EventReplyLength(EventKind kind) => MessageHeader.Length + ReplyLength + ExtraLength((uint)kind);

    public override int WriteEventReply(Span<byte> destination, uint sequence, ushort vcpu, EventKind kind, in EventReply reply)
    {
        var payload = Begin(destination, RfcV5Ids.EventReply, sequence, ReplyLength + ExtraLength((uint)kind));
        BinaryPrimitives.WriteUInt32LittleEndian(payload, (uint)reply.Action);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[4..], (uint)kind);
        switch (kind)
        {
            case EventKind.Cr or EventKind.Msr:
                BinaryPrimitives.WriteUInt64LittleEndian(payload[ReplyLength..], reply.NewValue);
                break;
            case EventKind.PageFault:
                WritePageFaultExtra(payload[ReplyLength..], in reply);
                break;
            default:
                break;
        }

        return MessageHeader.Length + payload.Length;
    }

    public override int WriteEvent(Span<byte> destination, uint sequence, ushort vcpu, in VcpuState state, in EventBody body)
    {
        if (!TryGetEventId(body.Kind, out var id))
        {
            throw new ArgumentException($"The rfc-v5 dialect has no {body.Kind} event.", nameof(body));
        }

        var payload = Begin(destination, RfcV5Ids.Event, sequence, BaseLength + DataLength(body.Kind));
        if (body.Kind != EventKind.Unhook)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(payload, id);
            BinaryPrimitives.WriteUInt16LittleEndian(payload[4..], vcpu);
            payload[6] = state.Mode;
            MemoryMarshal.Write(payload[8..], in state.Regs);
            MemoryMarshal.Write(payload[152..], in state.Sregs);
            MemoryMarshal.Write(payload[464..], in state.Msrs);
        }

        WriteEventData(payload[BaseLength..], in body);
        return MessageHeader.Length + payload.Length;
    }

    /// <summary>
    /// The size must be that of the event waited for, whatever event the reply names (rfc-v5 4.9); the named event's size was
    /// checked with the framing. No vCPU is named: the sequence number finds it.
    /// </summary>
    public override CommandStatus ReadEventReply(
        ReadOnlySpan<byte> message, EventKind expected, out ushort vcpu, out byte eventId, out EventReply reply)
    {
        vcpu = 0;
        eventId = 0;
        reply = default;
        if (!MessageHeader.TryRead(message, out var header) || message.Length < header.MessageLength || header.Size < ReplyLength)
        {
            return CommandStatus.Close;
        }

        var payload = message.Slice(MessageHeader.Length, header.Size);
        eventId = (byte)Math.Min(U32(payload, 4), byte.MaxValue);
        if (header.MessageLength != EventReplyLength(expected))
        {
            return CommandStatus.EventFails;
        }

        // The action has four bytes here; any number without a name has the same effect (rfc-v5 4.1).
        reply.Action = (EventAction)Math.Min(U32(payload, 0), byte.MaxValue);
        if (expected is EventKind.Cr or EventKind.Msr)
        {
            reply.NewValue = U64(payload, ReplyLength);
        }
        else if (expected == EventKind.PageFault)
        {
            return ReadPageFaultExtra(payload[ReplyLength..], ref reply);
        }

        return CommandStatus.Ok;
    }

    private static int DataLength(EventKind kind) => kind switch
    {
        EventKind.Cr or EventKind.Msr or EventKind.PageFault or EventKind.Trap or EventKind.Descriptor => 24,
        EventKind.Breakpoint => 8,
        _ => 0,
    };

    private static int ExtraLength(uint eventId) => eventId switch
    {
        (uint)EventKind.Cr or (uint)EventKind.Msr => 8,
        (uint)EventKind.PageFault => PageFaultExtra,
        _ => 0,
    };

    private static void WritePageFaultExtra(Span<byte> extra, in EventReply reply)
    {
        if (reply.Context.Length > MaxContext)
        {
            throw new ArgumentException($"A page-fault reply carries at most {MaxContext} context bytes, this one has {reply.Context.Length}.", nameof(reply));
        }

        extra[0] = reply.Singlestep;
        extra[1] = reply.RepComplete;
        BinaryPrimitives.WriteUInt32LittleEndian(extra[4..], (uint)reply.Context.Length);
        reply.Context.CopyTo(extra[8..]);
    }

    private static CommandStatus ReadPageFaultExtra(ReadOnlySpan<byte> extra, ref EventReply reply)
    {
        var size = U32(extra, 4);
        if (size > MaxContext)
        {
            return CommandStatus.Close;
        }

        reply.Singlestep = extra[0];
        reply.RepComplete = extra[1];
        reply.Context = extra.Slice(8, (int)size);
        return CommandStatus.Ok;
    }

    private static void WriteEventData(Span<byte> data, in EventBody body)
    {
        switch (body.Kind)
        {
            case EventKind.Cr:
                BinaryPrimitives.WriteUInt16LittleEndian(data, (ushort)body.Number);
                BinaryPrimitives.WriteUInt64LittleEndian(data[8..], body.First);
                BinaryPrimitives.WriteUInt64LittleEndian(data[16..], body.Second);
                break;
            case EventKind.Msr:
                BinaryPrimitives.WriteUInt32LittleEndian(data, body.Number);
                BinaryPrimitives.WriteUInt64LittleEndian(data[8..], body.First);
                BinaryPrimitives.WriteUInt64LittleEndian(data[16..], body.Second);
                break;
            case EventKind.Breakpoint:
                BinaryPrimitives.WriteUInt64LittleEndian(data, body.Second);
                break;
            case EventKind.PageFault:
                BinaryPrimitives.WriteUInt64LittleEndian(data, body.First);
                BinaryPrimitives.WriteUInt64LittleEndian(data[8..], body.Second);
                data[16] = (byte)body.Access;
                break;
            case EventKind.Trap:
                BinaryPrimitives.WriteUInt32LittleEndian(data, body.Number);
                BinaryPrimitives.WriteUInt32LittleEndian(data[4..], body.Extra);
                BinaryPrimitives.WriteUInt32LittleEndian(data[8..], body.Detail);
                BinaryPrimitives.WriteUInt64LittleEndian(data[16..], body.Second);
                break;
            case EventKind.Descriptor:
                BinaryPrimitives.WriteUInt32LittleEndian(data, body.Extra);
                BinaryPrimitives.WriteUInt64LittleEndian(data[8..], body.First);
                data[16] = (byte)body.Number;
                data[17] = body.Flag;
                break;
            default:
                break;
        }
    }
}
