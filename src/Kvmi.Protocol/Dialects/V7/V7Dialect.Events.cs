using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>Events and their replies, both ends (kvmi-later-dialects.md 4.1 and 4.3).</summary>
internal sealed partial class V7Dialect
{
    private const int BaseLength = 544;
    private const int ReplyLength = 16;
    private const int PageFaultExtra = 272;
    private const int MaxContext = 256;

    private static readonly EventLayout Layout = new()
    {
        Dialect = KvmiDialect.V7,
        Mode = MessageHeader.Length + 8,
        View = MessageHeader.Length + 10,
        Regs = MessageHeader.Length + 16,
        Sregs = MessageHeader.Length + 160,
        Msrs = MessageHeader.Length + 472,
        PageFaultHasView = true,
    };

    public override DecodeStatus ReadEvent(ReadOnlySpan<byte> message, out EventFrame frame)
    {
        frame = default;
        if (!MessageHeader.TryRead(message, out var header) || message.Length < header.MessageLength)
        {
            return DecodeStatus.TooShort;
        }

        if (header.Id != V7Ids.Event)
        {
            return DecodeStatus.UnknownId;
        }

        message = message[..header.MessageLength];
        var payload = message[MessageHeader.Length..];
        if (payload.Length < BaseLength)
        {
            return DecodeStatus.TooShort;
        }

        // The size field is there so that the base can grow; the machine state before it keeps its offsets.
        var size = BinaryPrimitives.ReadUInt16LittleEndian(payload);
        if (size < BaseLength)
        {
            return DecodeStatus.InvalidField;
        }

        if (size > payload.Length)
        {
            return DecodeStatus.TooShort;
        }

        var id = payload[4];
        if (id >= V7Ids.EventLimit)
        {
            return DecodeStatus.UnknownId;
        }

        var kind = (EventKind)id;
        if (payload.Length - size < DataLength(kind))
        {
            return DecodeStatus.TooShort;
        }

        var vcpu = BinaryPrimitives.ReadUInt16LittleEndian(payload[2..]);
        frame = new EventFrame(message, Layout, kind, vcpu, header.Sequence, MessageHeader.Length + size);
        return DecodeStatus.Ok;
    }

    public override int EventReplyLength(EventKind kind) => MessageHeader.Length + ReplyLength + ExtraLength(kind);

    public override int WriteEventReply(Span<byte> destination, uint sequence, ushort vcpu, EventKind kind, in EventReply reply)
    {
        var payload = Begin(destination, V7Ids.EventReply, sequence, ReplyLength + ExtraLength(kind));
        BinaryPrimitives.WriteUInt16LittleEndian(payload, vcpu);
        payload[8] = (byte)reply.Action;
        payload[9] = (byte)kind;
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
        var payload = Begin(destination, V7Ids.Event, sequence, BaseLength + DataLength(body.Kind));
        BinaryPrimitives.WriteUInt16LittleEndian(payload, BaseLength);
        payload[4] = (byte)body.Kind;
        if (body.Kind is not (EventKind.Unhook or EventKind.CommandError))
        {
            BinaryPrimitives.WriteUInt16LittleEndian(payload[2..], vcpu);
            payload[8] = state.Mode;
            BinaryPrimitives.WriteUInt16LittleEndian(payload[10..], state.View);
            MemoryMarshal.Write(payload[16..], in state.Regs);
            MemoryMarshal.Write(payload[160..], in state.Sregs);
            MemoryMarshal.Write(payload[472..], in state.Msrs);
        }

        WriteEventData(payload[BaseLength..], in body);
        return MessageHeader.Length + payload.Length;
    }

    public override CommandStatus ReadEventReply(
        ReadOnlySpan<byte> message, EventKind expected, out ushort vcpu, out byte eventId, out EventReply reply)
    {
        vcpu = 0;
        eventId = 0;
        reply = default;
        if (!MessageHeader.TryRead(message, out var header) || message.Length < header.MessageLength)
        {
            return CommandStatus.Close;
        }

        var length = ReplyLength + ExtraLength(expected);
        if (header.Size > length)
        {
            return CommandStatus.Close;
        }

        // Short replies are taken with zeros behind them, as the kernel does: a 16-byte CR reply installs 0.
        Span<byte> full = stackalloc byte[ReplyLength + 16];
        full.Clear();
        var payload = message.Slice(MessageHeader.Length, header.Size);
        payload[..Math.Min(payload.Length, full.Length)].CopyTo(full);
        vcpu = BinaryPrimitives.ReadUInt16LittleEndian(full);
        if (full[2..VcpuHeader].ContainsAnyExcept((byte)0) || full[10..ReplyLength].ContainsAnyExcept((byte)0))
        {
            return CommandStatus.Close;
        }

        reply.Action = (EventAction)full[8];
        eventId = full[9];
        if (expected is EventKind.Cr or EventKind.Msr)
        {
            reply.NewValue = BinaryPrimitives.ReadUInt64LittleEndian(full[ReplyLength..]);
        }
        else if (expected == EventKind.PageFault)
        {
            return ReadPageFaultExtra(full[ReplyLength..], payload, ref reply);
        }

        return CommandStatus.Ok;
    }

    private static int DataLength(EventKind kind) => kind switch
    {
        EventKind.Cr or EventKind.Msr or EventKind.PageFault => 24,
        EventKind.Breakpoint or EventKind.Trap or EventKind.CommandError or EventKind.Cpuid => 16,
        EventKind.Descriptor or EventKind.Singlestep => 8,
        _ => 0,
    };

    private static int ExtraLength(EventKind kind) => kind switch
    {
        EventKind.Cr or EventKind.Msr => 8,
        EventKind.PageFault => PageFaultExtra,
        _ => 0,
    };

    private static void WritePageFaultExtra(Span<byte> extra, in EventReply reply)
    {
        if (reply.Context.Length > MaxContext)
        {
            throw new ArgumentException($"A page-fault reply carries at most {MaxContext} context bytes, this one has {reply.Context.Length}.", nameof(reply));
        }

        BinaryPrimitives.WriteUInt64LittleEndian(extra, reply.ContextAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(extra[8..], (uint)reply.Context.Length);
        extra[13] = reply.RepComplete;
        reply.Context.CopyTo(extra[16..]);
    }

    private static CommandStatus ReadPageFaultExtra(scoped ReadOnlySpan<byte> extra, ReadOnlySpan<byte> payload, ref EventReply reply)
    {
        var size = BinaryPrimitives.ReadUInt32LittleEndian(extra[8..]);
        if (size > MaxContext || extra[12] != 0 || extra[14] != 0 || extra[15] != 0)
        {
            return CommandStatus.Close;
        }

        reply.ContextAddress = BinaryPrimitives.ReadUInt64LittleEndian(extra);
        reply.RepComplete = extra[13];
        var available = Math.Max(0, payload.Length - ReplyLength - 16);
        reply.Context = available == 0 ? default : payload.Slice(ReplyLength + 16, Math.Min((int)size, available));
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
            case EventKind.PageFault:
                BinaryPrimitives.WriteUInt64LittleEndian(data, body.First);
                BinaryPrimitives.WriteUInt64LittleEndian(data[8..], body.Second);
                data[16] = (byte)body.Access;
                BinaryPrimitives.WriteUInt16LittleEndian(data[18..], body.View);
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
            case EventKind.CommandError:
                BinaryPrimitives.WriteUInt32LittleEndian(data, body.Number);
                BinaryPrimitives.WriteUInt32LittleEndian(data[4..], body.Detail);
                BinaryPrimitives.WriteUInt16LittleEndian(data[8..], body.View);
                break;
            case EventKind.Cpuid:
                BinaryPrimitives.WriteUInt32LittleEndian(data, body.Number);
                BinaryPrimitives.WriteUInt32LittleEndian(data[4..], body.Detail);
                data[8] = body.Flag;
                break;
            default:
                break;
        }
    }
}
