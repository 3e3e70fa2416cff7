using System.Buffers.Binary;
using System.Globalization;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>Finds the chunks of a trace, and reads the bytes of one.</summary>
internal static class ChunkIndex
{
    /// <summary>Takes the chunks from the index at the end.</summary>
    /// <returns>Null when there is none that fits the file: the recorder was killed, or the end is damaged.</returns>
    public static List<TraceChunk>? Read(Stream stream)
    {
        if (stream.Length < TraceFormat.HeaderLength + TraceFormat.ChunkHeaderLength + TraceFormat.TrailerLength)
        {
            return null;
        }

        Span<byte> trailer = stackalloc byte[TraceFormat.TrailerLength];
        stream.Position = stream.Length - trailer.Length;
        stream.ReadExactly(trailer);
        var place = BinaryPrimitives.ReadInt64LittleEndian(trailer);
        if (BinaryPrimitives.ReadUInt32LittleEndian(trailer[12..]) != TraceFormat.TrailerMagic
            || BinaryPrimitives.ReadUInt32LittleEndian(trailer[8..]) != TraceFormat.Checksum(trailer[..8])
            || ReadChunk(stream, place, TraceFormat.IndexChunk, out _) is not { } index
            || index.Length % TraceFormat.IndexEntryLength != 0)
        {
            return null;
        }

        List<TraceChunk> chunks = new(index.Length / TraceFormat.IndexEntryLength);
        long end = TraceFormat.HeaderLength;
        for (var at = 0; at < index.Length; at += TraceFormat.IndexEntryLength)
        {
            var entry = index.AsSpan(at, TraceFormat.IndexEntryLength);
            var chunk = new TraceChunk(
                BinaryPrimitives.ReadInt64LittleEndian(entry),
                BinaryPrimitives.ReadInt64LittleEndian(entry[8..]),
                BinaryPrimitives.ReadInt64LittleEndian(entry[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(entry[24..]),
                BinaryPrimitives.ReadInt32LittleEndian(entry[32..]));
            if (chunk.Offset < end || chunk.Offset >= place || chunk.Records < 0)
            {
                return null;
            }

            // Chunks do not overlap, or a small file could be made to read as a huge one.
            end = chunk.Offset + TraceFormat.ChunkHeaderLength;
            chunks.Add(chunk);
        }

        return chunks;
    }

    /// <summary>Walks over the file from chunk to chunk, up to the first place where there is none.</summary>
    public static List<TraceChunk> Scan(Stream stream, out string incomplete)
    {
        List<TraceChunk> chunks = [];
        var header = new byte[TraceFormat.ChunkHeaderLength];
        long at = TraceFormat.HeaderLength;
        while (at < stream.Length)
        {
            stream.Position = at;
            if (stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length
                || !ChunkHeader.TryRead(header, out var chunk)
                || at + header.Length + chunk.StoredLength > stream.Length)
            {
                break;
            }

            if (chunk.Kind == TraceFormat.RecordsChunk)
            {
                chunks.Add(new TraceChunk(at, chunk.FirstRecord, chunk.FirstEvent, chunk.FirstTime, chunk.Records));
            }

            at += header.Length + chunk.StoredLength;
        }

        incomplete = string.Create(
            CultureInfo.InvariantCulture,
            $"there is no index: the recorder was ended before it could finish. {chunks.Count} whole chunks were found; {stream.Length - at} bytes from byte {at} on are of no use.");
        return chunks;
    }

    /// <summary>Reads the records of a chunk.</summary>
    /// <returns>Null when it is damaged, or not the chunk that was announced.</returns>
    public static byte[]? ReadRecords(Stream stream, TraceChunk chunk, out string? problem) =>
        ReadChunk(stream, chunk.Offset, TraceFormat.RecordsChunk, out problem, chunk);

    private static byte[]? ReadChunk(Stream stream, long offset, byte kind, out string? problem, TraceChunk? announced = null)
    {
        var bytes = new byte[TraceFormat.ChunkHeaderLength];
        if (offset < TraceFormat.HeaderLength || offset > stream.Length - bytes.Length)
        {
            problem = "it is not inside the file";
            return null;
        }

        stream.Position = offset;
        stream.ReadExactly(bytes);
        if (!ChunkHeader.TryRead(bytes, out var header) || header.Kind != kind)
        {
            problem = "it has no header of a chunk";
            return null;
        }

        if (header.StoredLength > stream.Length - stream.Position)
        {
            problem = "it is longer than the file";
            return null;
        }

        var stored = new byte[header.StoredLength];
        stream.ReadExactly(stored);
        if (!ChunkHeader.IsIntact(bytes, stored))
        {
            problem = "its checksum is wrong";
            return null;
        }

        if (announced is { } wanted && (wanted.FirstRecord != header.FirstRecord || wanted.FirstEvent != header.FirstEvent || wanted.Records != header.Records))
        {
            problem = "the index speaks of another one";
            return null;
        }

        problem = null;
        if (header.Compression == TraceFormat.NotCompressed)
        {
            return stored;
        }

        var raw = new byte[header.RawLength];
        if (ChunkCompression.TryExpand(stored, stored.Length, raw))
        {
            return raw;
        }

        problem = "it cannot be expanded";
        return null;
    }
}
