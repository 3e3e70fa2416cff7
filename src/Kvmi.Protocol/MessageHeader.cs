using System.Buffers.Binary;

namespace Kvmi.Protocol;

/// <summary>
/// The eight bytes in front of every KVMI message: id, payload size and sequence number, little endian
/// (kvmi-later-dialects.md 3.1; the same in every dialect).
/// </summary>
/// <param name="Id">Message id; its meaning depends on the dialect and the direction.</param>
/// <param name="Size">Payload bytes that follow the header, 0 to 65535; the header is not counted.</param>
/// <param name="Sequence">Copied from a command into its answer and from an event into its reply.</param>
public readonly record struct MessageHeader(ushort Id, ushort Size, uint Sequence)
{
    /// <summary>Bytes of the header on the wire.</summary>
    public const int Length = 8;

    /// <summary>Bytes of the whole message: header and payload.</summary>
    public int MessageLength => Length + Size;

    /// <summary>Reads a header from the first eight bytes of <paramref name="source"/>.</summary>
    /// <returns>False when there are fewer than eight bytes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out MessageHeader header)
    {
        if (source.Length < Length)
        {
            header = default;
            return false;
        }

        header = new MessageHeader(
            BinaryPrimitives.ReadUInt16LittleEndian(source),
            BinaryPrimitives.ReadUInt16LittleEndian(source[2..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]));
        return true;
    }

    /// <summary>Writes the header into the first eight bytes of <paramref name="destination"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The destination is shorter than eight bytes.</exception>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(destination, Id);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], Size);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Sequence);
    }
}
