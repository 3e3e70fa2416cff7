using System.Buffers.Binary;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;

namespace Kvmi.Protocol.Dialects.Later;

/// <summary>Replies to events, both ends (kvmi-later-dialects.md 3.4, 3.9).</summary>
internal abstract partial class LaterDialect
{
    private const int ReplyLength = 16;

    // Behind the 16 bytes: the value of CR and MSR, or as much in front of the bytes of a v7 context.
    private const int FixedExtra = 16;

    public override int EventReplyLength(EventKind kind) => MessageHeader.Length + ReplyLength + ReplyExtraLength(kind);

    public override int WriteEventReply(Span<byte> destination, uint sequence, ushort vcpu, EventKind kind, in EventReply reply)
    {
        TryGetEventId(kind, out var id);
        var payload = BeginReply(destination, sequence, vcpu, (byte)id, ReplyExtraLength(kind));
        payload[8] = (byte)reply.Action;
        WriteReplyExtra(payload[ReplyLength..], kind, in reply);
        return MessageHeader.Length + payload.Length;
    }

    public override int WriteUnknownEventReply(Span<byte> destination, uint sequence, ushort vcpu, ushort eventId)
    {
        BeginReply(destination, sequence, vcpu, (byte)eventId, 0);
        return MessageHeader.Length + ReplyLength;
    }

    public override CommandStatus ReadEventReply(
        ReadOnlySpan<byte> message, EventKind expected, out ushort vcpu, out byte eventId, out EventReply reply)
    {
        vcpu = 0;
        eventId = 0;
        reply = default;
        if (!MessageHeader.TryRead(message, out var header) || message.Length < header.MessageLength
            || header.Size > ReplyLength + ReplyExtraLength(expected))
        {
            return CommandStatus.Close;
        }

        // Short replies are taken with zeros behind them, as the kernel does: a 16-byte CR reply installs 0.
        Span<byte> full = stackalloc byte[ReplyLength + FixedExtra];
        var payload = message.Slice(MessageHeader.Length, header.Size);
        Fill(payload, full);
        vcpu = BinaryPrimitives.ReadUInt16LittleEndian(full);
        if (full[2..VcpuHeader].ContainsAnyExcept((byte)0) || full[10..ReplyLength].ContainsAnyExcept((byte)0))
        {
            return CommandStatus.Close;
        }

        reply.Action = (EventAction)full[8];
        eventId = full[9];
        return ReadReplyExtra(full[ReplyLength..], payload, expected, ref reply);
    }

    protected virtual int ReplyExtraLength(EventKind kind) => kind is EventKind.Cr or EventKind.Msr ? 8 : 0;

    protected virtual void WriteReplyExtra(Span<byte> extra, EventKind kind, in EventReply reply)
    {
        if (kind is EventKind.Cr or EventKind.Msr)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(extra, reply.NewValue);
        }
    }

    /// <summary>Reads what follows the sixteen bytes of an event reply.</summary>
    /// <param name="extra">The first bytes of it, zeros where the message is short.</param>
    /// <param name="payload">The payload as it came.</param>
    /// <param name="expected">Kind of the event that waits.</param>
    /// <param name="reply">Where to put it.</param>
    protected virtual CommandStatus ReadReplyExtra(
        scoped ReadOnlySpan<byte> extra, ReadOnlySpan<byte> payload, EventKind expected, ref EventReply reply)
    {
        if (expected is EventKind.Cr or EventKind.Msr)
        {
            reply.NewValue = BinaryPrimitives.ReadUInt64LittleEndian(extra);
        }

        return CommandStatus.Ok;
    }

    private Span<byte> BeginReply(Span<byte> destination, uint sequence, ushort vcpu, byte eventId, int extra)
    {
        var payload = Begin(destination, EventReplyId, sequence, ReplyLength + extra);
        BinaryPrimitives.WriteUInt16LittleEndian(payload, vcpu);
        payload[9] = eventId;
        return payload;
    }
}
