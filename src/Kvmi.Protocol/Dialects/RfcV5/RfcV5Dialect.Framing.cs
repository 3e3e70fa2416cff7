using System.Buffers.Binary;
using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects.RfcV5;

/// <summary>What the receiver checks before it looks at what a message says (rfc-v5 1.7 steps 2 to 5, sizes of 1.9).</summary>
internal sealed partial class RfcV5Dialect
{
    private const int Variable = 1 << 16;

    // By id: payload bytes; with Variable, the bytes in front of a tail whose length the message itself tells.
    private static readonly int[] RequestSizes =
    [
        0, 0, 0, 8, 0, 0, Variable | 8, 152, 0, 0, Variable | 8, Variable | 8, 16, 16, Variable | 16, 0, 0, 8, 8, 8, 0, 0, 0, 0, Variable | 8,
        16, 8, 0, 8,
    ];

    public override CommandStatus CheckHeader(in MessageHeader header)
    {
        if (header.Id >= RfcV5Ids.Limit)
        {
            return CommandStatus.Close;
        }

        var size = RequestSizes[header.Id];
        var fits = (size & Variable) != 0 ? header.Size >= size - Variable : header.Size == size;
        return fits ? CommandStatus.Ok : CommandStatus.Close;
    }

    public override CommandStatus CheckFraming(in MessageHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Size != payload.Length || CheckHeader(in header) != CommandStatus.Ok)
        {
            return CommandStatus.Close;
        }

        var fits = header.Id switch
        {
            6 => payload.Length == 8 + (4 * U16(payload, 2)),
            10 => payload.Length == 8 + (8 * U16(payload, 2)),
            11 => payload.Length == 8 + (EntryLength * U16(payload, 2)),

            // The announced size has 64 bits; it is compared, never added or allocated (rfc-v5 A30).
            14 => U64(payload, 8) == (ulong)(payload.Length - 16),
            RfcV5Ids.EventReply => payload.Length == ReplyLength + ExtraLength(U32(payload, 4)),
            _ => true,
        };
        return fits ? CommandStatus.Ok : CommandStatus.Close;
    }

    private static ushort U16(ReadOnlySpan<byte> payload, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(payload[offset..]);

    private static uint U32(ReadOnlySpan<byte> payload, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(payload[offset..]);

    private static ulong U64(ReadOnlySpan<byte> payload, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(payload[offset..]);
}
