using System.Buffers.Binary;
using System.Security.Cryptography;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>The body of a contents record: number, length, what is kept, hash, bytes.</summary>
internal static class ContentsBody
{
    public const int FixedLength = 12;
    private const byte KeptAll = 0;
    private const byte KeptHash = 1;
    private const byte KeptNothing = 2;

    public static int Write(Span<byte> body, TraceContents contents)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(body, contents.Id);
        BinaryPrimitives.WriteInt32LittleEndian(body[4..], contents.Length);
        body[8] = contents.Bytes is not null ? KeptAll : contents.Hash.IsEmpty ? KeptNothing : KeptHash;
        body[9] = body[10] = body[11] = 0;
        if (contents.Bytes is { } bytes)
        {
            // The hash of what is there can be computed, and the checksum of the chunk holds over it already.
            bytes.CopyTo(body[FixedLength..]);
            return FixedLength + bytes.Length;
        }

        contents.Hash.Span.CopyTo(body[FixedLength..]);
        return FixedLength + contents.Hash.Length;
    }

    /// <returns>Null when the bytes contradict themselves.</returns>
    public static TraceContents? Read(ReadOnlySpan<byte> body)
    {
        if (body.Length < FixedLength)
        {
            return null;
        }

        var id = BinaryPrimitives.ReadUInt32LittleEndian(body);
        var length = BinaryPrimitives.ReadInt32LittleEndian(body[4..]);
        var rest = body[FixedLength..];
        if (length is <= 0 or > TraceFormat.MaxMessage)
        {
            return null;
        }

        return body[8] switch
        {
            KeptAll when rest.Length == length =>
                new TraceContents { Id = id, Length = length, Bytes = rest.ToArray(), Hash = SHA256.HashData(rest) },
            KeptHash when rest.Length == TraceFormat.HashLength => new TraceContents { Id = id, Length = length, Hash = rest.ToArray() },
            KeptNothing when rest.IsEmpty => new TraceContents { Id = id, Length = length },
            _ => null,
        };
    }
}
