using System.Buffers.Binary;
using Kvmi.Policy.Testing.Traces.Format;

namespace Kvmi.Policy.Testing.Traces.Recording;

/// <summary>What stands in front of the bytes of an entry of the ring.</summary>
/// <param name="Kind">A message, a decision, or the mark that a connection was attached or has ended.</param>
/// <param name="Direction">Direction of a message.</param>
/// <param name="Connection">The connection.</param>
/// <param name="Timestamp">The clock's own ticks.</param>
/// <param name="Lost">Entries of this connection that were lost directly before this one.</param>
internal readonly record struct TraceRingEntry(TraceRecordKind Kind, byte Direction, uint Connection, long Timestamp, uint Lost)
{
    public const int Length = 24;

    public void Write(Span<byte> destination, int payload)
    {
        destination[0] = (byte)Kind;
        destination[1] = Direction;
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Connection);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], Timestamp);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], Lost);
        BinaryPrimitives.WriteInt32LittleEndian(destination[20..], payload);
    }

    public static TraceRingEntry Read(ReadOnlySpan<byte> source, out int payload)
    {
        payload = BinaryPrimitives.ReadInt32LittleEndian(source[20..]);
        return new TraceRingEntry(
            (TraceRecordKind)source[0],
            source[1],
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[16..]));
    }
}
