using System.Buffers.Binary;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>Events that a newer kernel may know: the common part in front of every event still tells whom to answer.</summary>
internal sealed partial class V7Dialect
{
    public override DecodeStatus ReadUnknownEvent(ReadOnlySpan<byte> message, out ushort vcpu, out ushort eventId)
    {
        vcpu = 0;
        eventId = 0;
        if (message.Length < MessageHeader.Length + BaseLength)
        {
            return DecodeStatus.TooShort;
        }

        var payload = message[MessageHeader.Length..];
        vcpu = BinaryPrimitives.ReadUInt16LittleEndian(payload[2..]);
        eventId = payload[4];
        return DecodeStatus.Ok;
    }

    public override int WriteUnknownEventReply(Span<byte> destination, uint sequence, ushort vcpu, ushort eventId)
    {
        var payload = Begin(destination, V7Ids.EventReply, sequence, ReplyLength);
        BinaryPrimitives.WriteUInt16LittleEndian(payload, vcpu);
        payload[9] = (byte)eventId;
        return MessageHeader.Length + ReplyLength;
    }
}
