using System.IO.Compression;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>zlib over the bytes of one chunk. Registers of consecutive events are nearly alike, so that the fastest level already does most.</summary>
internal static class ChunkCompression
{
    /// <summary>Compresses.</summary>
    public static ReadOnlySpan<byte> Compress(ReadOnlySpan<byte> raw)
    {
        using var buffer = new MemoryStream();
        using (var zlib = new ZLibStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(raw);
        }

        return buffer.GetBuffer().AsSpan(0, (int)buffer.Length);
    }

    /// <summary>Expands to exactly the announced length; never beyond it, whatever the bytes claim.</summary>
    /// <returns>False when the bytes are no zlib stream of that length.</returns>
    public static bool TryExpand(byte[] stored, int length, Span<byte> raw)
    {
        try
        {
            using var zlib = new ZLibStream(new MemoryStream(stored, 0, length), CompressionMode.Decompress);
            return zlib.ReadAtLeast(raw, raw.Length, throwOnEndOfStream: false) == raw.Length && zlib.ReadByte() < 0;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }
}
