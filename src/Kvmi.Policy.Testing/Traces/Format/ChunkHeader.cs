using System.Buffers.Binary;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>What stands in front of the bytes of a chunk.</summary>
/// <param name="Kind">Records or index.</param>
/// <param name="Compression">None or zlib.</param>
/// <param name="StoredLength">Bytes of the chunk in the file, behind this header.</param>
/// <param name="RawLength">Bytes before compression.</param>
/// <param name="FirstRecord">Number of the first record; the trace's first is 1.</param>
/// <param name="FirstEvent">Number that the next event message gets; the trace's first is 1.</param>
/// <param name="FirstTime">Time of the first record in nanoseconds.</param>
/// <param name="Records">Number of records.</param>
internal readonly record struct ChunkHeader(
    byte Kind, byte Compression, int StoredLength, int RawLength, long FirstRecord, long FirstEvent, long FirstTime, int Records)
{
    private const int Checked = TraceFormat.ChunkHeaderLength - 4;

    /// <summary>Writes the header of a chunk, with the checksum over itself and the stored bytes.</summary>
    public byte[] Write(ReadOnlySpan<byte> stored)
    {
        var bytes = new byte[TraceFormat.ChunkHeaderLength];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, TraceFormat.ChunkMagic);
        bytes[4] = Kind;
        bytes[5] = Compression;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), StoredLength);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), RawLength);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), FirstRecord);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), FirstEvent);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), FirstTime);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(40), Records);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(Checked), TraceFormat.Checksum(bytes.AsSpan(0, Checked), stored));
        return bytes;
    }

    /// <summary>Reads a header; its checksum is looked at when the stored bytes are there.</summary>
    /// <returns>False when the bytes are no header, or announce more than a chunk can hold.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ChunkHeader header)
    {
        header = default;
        if (bytes.Length < TraceFormat.ChunkHeaderLength || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != TraceFormat.ChunkMagic)
        {
            return false;
        }

        header = new ChunkHeader(
            bytes[4],
            bytes[5],
            BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[40..]));
        return header.IsSensible;
    }

    /// <summary>True when the checksum fits these bytes of the header and of the chunk.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> header, ReadOnlySpan<byte> stored) =>
        BinaryPrimitives.ReadUInt32LittleEndian(header[Checked..]) == TraceFormat.Checksum(header[..Checked], stored);

    private bool IsSensible =>
        Kind is TraceFormat.RecordsChunk or TraceFormat.IndexChunk
        && Compression is TraceFormat.NotCompressed or TraceFormat.ZLib
        && RawLength >= 0 && RawLength <= (Kind == TraceFormat.RecordsChunk ? TraceFormat.MaxChunk : TraceFormat.MaxIndex)
        && StoredLength >= 0 && StoredLength <= RawLength
        && (Compression != TraceFormat.NotCompressed || StoredLength == RawLength)
        && FirstRecord >= 1 && FirstEvent >= 1
        && Records >= 0 && Records <= RawLength / TraceFormat.RecordHeaderLength;
}
