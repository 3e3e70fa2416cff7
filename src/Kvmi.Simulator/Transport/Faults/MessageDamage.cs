using System.Buffers.Binary;
using Kvmi.Protocol;

namespace Kvmi.Simulator.Transport.Faults;

/// <summary>The faults that change the bytes of a message. None of them touches the original.</summary>
internal static class MessageDamage
{
    private const int ErrorLength = 8;
    private const int Surplus = 8;
    private const uint SequenceShift = 0x4000_0000;

    /// <summary>Gives the bytes that are sent instead.</summary>
    public static ReadOnlySpan<byte> Apply(FaultHit hit, ReadOnlySpan<byte> message)
    {
        var random = new SeededRandom(hit.Seed);
        var bytes = hit.Rule.Bytes;
        return hit.Rule.Kind switch
        {
            FaultKind.WrongSequence => WithOtherSequence(message),
            FaultKind.Garbage => Garbage(bytes ?? message.Length, random),
            FaultKind.GarbagePayload => GarbagePayload(message, random),
            FaultKind.ShortReply => Resize(message, -(bytes ?? 1), random),
            FaultKind.LongReply => Resize(message, bytes ?? Surplus, random),
            FaultKind.ErrorWithSurplus => ErrorWithSurplus(message, bytes ?? Surplus, random),
            _ => message,
        };
    }

    /// <summary>The same message with a sequence number that neither side uses.</summary>
    public static byte[] WithOtherSequence(ReadOnlySpan<byte> message)
    {
        var copy = message.ToArray();
        MessageHeader.TryRead(copy, out var header);
        new MessageHeader(header.Id, header.Size, header.Sequence ^ SequenceShift).Write(copy);
        return copy;
    }

    private static byte[] Garbage(int length, SeededRandom random)
    {
        var garbage = new byte[length];
        random.Fill(garbage);
        return garbage;
    }

    private static byte[] GarbagePayload(ReadOnlySpan<byte> message, SeededRandom random)
    {
        var copy = message.ToArray();
        random.Fill(copy.AsSpan(MessageHeader.Length));
        return copy;
    }

    /// <summary>Cuts the end or adds random bytes; the header says the new size, as a kernel's would.</summary>
    private static byte[] Resize(ReadOnlySpan<byte> message, int change, SeededRandom random)
    {
        MessageHeader.TryRead(message, out var header);
        var size = Math.Clamp(header.Size + change, 0, ushort.MaxValue);
        var result = new byte[MessageHeader.Length + size];
        random.Fill(result);
        message[..Math.Min(message.Length, result.Length)].CopyTo(result);
        new MessageHeader(header.Id, (ushort)size, header.Sequence).Write(result);
        return result;
    }

    private static byte[] ErrorWithSurplus(ReadOnlySpan<byte> message, int surplus, SeededRandom random)
    {
        MessageHeader.TryRead(message, out var header);
        var size = Math.Min(ErrorLength + surplus, ushort.MaxValue);
        var result = new byte[MessageHeader.Length + size];
        new MessageHeader(header.Id, (ushort)size, header.Sequence).Write(result);
        BinaryPrimitives.WriteInt32LittleEndian(result.AsSpan(MessageHeader.Length), (int)KvmiError.TryAgain);
        random.Fill(result.AsSpan(MessageHeader.Length + ErrorLength));
        return result;
    }
}
