using System.Buffers.Binary;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>What is particular to the events of v7, both ends (kvmi-later-dialects.md 4.1 and 4.3).</summary>
internal sealed partial class V7Dialect
{
    private const int PageFaultExtra = 272;
    private const int MaxContext = 256;

    public override int WriteEvent(Span<byte> destination, uint sequence, ushort vcpu, in VcpuState state, in EventBody body)
    {
        // These two carry the whole base, zero but for its size and the event.
        var isBare = body.Kind is EventKind.Unhook or EventKind.CommandError;
        var payload = isBare
            ? BeginEvent(destination, sequence, 0, default, in body)
            : BeginEvent(destination, sequence, vcpu, in state, in body);
        payload[4] = (byte)body.Kind;
        BinaryPrimitives.WriteUInt16LittleEndian(payload[10..], isBare ? (ushort)0 : state.View);
        return MessageHeader.Length + payload.Length;
    }

    protected override ushort ReadEventId(ReadOnlySpan<byte> payload) => payload[4];

    protected override int EventDataLength(EventKind kind) =>
        kind is EventKind.CommandError or EventKind.Cpuid ? 16 : base.EventDataLength(kind);

    protected override void WriteEventData(Span<byte> data, in EventBody body)
    {
        base.WriteEventData(data, in body);
        switch (body.Kind)
        {
            case EventKind.Cr:
                BinaryPrimitives.WriteUInt16LittleEndian(data, (ushort)body.Number);
                break;
            case EventKind.PageFault:
                BinaryPrimitives.WriteUInt16LittleEndian(data[18..], body.View);
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

    protected override int ReplyExtraLength(EventKind kind) => kind == EventKind.PageFault ? PageFaultExtra : base.ReplyExtraLength(kind);

    protected override void WriteReplyExtra(Span<byte> extra, EventKind kind, in EventReply reply)
    {
        base.WriteReplyExtra(extra, kind, in reply);
        if (kind != EventKind.PageFault)
        {
            return;
        }

        if (reply.Context.Length > MaxContext)
        {
            throw new ArgumentException($"A page-fault reply carries at most {MaxContext} context bytes, this one has {reply.Context.Length}.", nameof(reply));
        }

        BinaryPrimitives.WriteUInt64LittleEndian(extra, reply.ContextAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(extra[8..], (uint)reply.Context.Length);
        extra[13] = reply.RepComplete;
        reply.Context.CopyTo(extra[16..]);
    }

    protected override CommandStatus ReadReplyExtra(
        scoped ReadOnlySpan<byte> extra, ReadOnlySpan<byte> payload, EventKind expected, ref EventReply reply)
    {
        if (expected != EventKind.PageFault)
        {
            return base.ReadReplyExtra(extra, payload, expected, ref reply);
        }

        var size = BinaryPrimitives.ReadUInt32LittleEndian(extra[8..]);
        if (size > MaxContext || extra[12] != 0 || extra[14] != 0 || extra[15] != 0)
        {
            return CommandStatus.Close;
        }

        reply.ContextAddress = BinaryPrimitives.ReadUInt64LittleEndian(extra);
        reply.RepComplete = extra[13];
        var start = VcpuHeader + 8 + extra.Length;
        var available = Math.Max(0, payload.Length - start);
        reply.Context = available == 0 ? default : payload.Slice(start, Math.Min((int)size, available));
        return CommandStatus.Ok;
    }
}
