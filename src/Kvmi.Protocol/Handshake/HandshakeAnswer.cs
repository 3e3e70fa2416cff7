using System.Buffers.Binary;

namespace Kvmi.Protocol.Handshake;

/// <summary>
/// The record that the tool answers the hello with: a size and the SHA-1 of the shared secret (kvmi-later-dialects.md 2.3).
/// </summary>
public static class HandshakeAnswer
{
    /// <summary>Bytes that a tool writes, and the least that a device manager takes.</summary>
    public const int Length = 24;

    /// <summary>Largest size that this reader takes; surplus bytes are discarded, so a bound is all that is needed.</summary>
    public const int MaxSize = 65536;

    private const int SizeField = 4;

    /// <summary>Reads the size field alone, so that the device manager's end knows how many bytes to wait for.</summary>
    /// <param name="start">The first bytes of the answer; four are enough.</param>
    /// <param name="size">Bytes of the whole answer, these four included; 0 unless Ok.</param>
    /// <param name="error">What is wrong and what to do; null when Ok.</param>
    public static HandshakeStatus TryReadSize(ReadOnlySpan<byte> start, out int size, out string? error)
    {
        size = 0;
        error = null;
        if (start.Length < SizeField)
        {
            error = $"The tool's handshake answer ended after {start.Length} bytes; its size field has {SizeField}.";
            return HandshakeStatus.Incomplete;
        }

        var announced = BinaryPrimitives.ReadUInt32LittleEndian(start);
        if (announced is < Length or > MaxSize)
        {
            error = $"The tool's handshake answer announces {announced} bytes; {Length} to {MaxSize} are allowed. "
                + "Check that the peer is an introspection tool.";
            return HandshakeStatus.BadSize;
        }

        size = (int)announced;
        return HandshakeStatus.Ok;
    }

    /// <summary>Reads a whole answer; bytes behind the hash are not looked at.</summary>
    /// <param name="record">At least the announced number of bytes.</param>
    /// <param name="cookieHash">The 20 bytes of the hash, a view over <paramref name="record"/>; empty unless Ok.</param>
    public static HandshakeStatus TryRead(ReadOnlySpan<byte> record, out ReadOnlySpan<byte> cookieHash)
    {
        cookieHash = default;
        var status = TryReadSize(record, out var size, out _);
        if (status != HandshakeStatus.Ok)
        {
            return status;
        }

        if (record.Length < size)
        {
            return HandshakeStatus.Incomplete;
        }

        cookieHash = record.Slice(SizeField, CookieHash.Length);
        return HandshakeStatus.Ok;
    }

    /// <summary>Writes the answer: exactly 24 bytes, as QEMU of v5 and v6 reads no more and no less.</summary>
    /// <param name="destination">At least 24 bytes.</param>
    /// <param name="cookieHash">The 20 bytes of the hash; empty for zeros (no secret).</param>
    /// <returns>24.</returns>
    /// <exception cref="ArgumentException">The destination is too small, or the hash has another length.</exception>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> cookieHash)
    {
        if (destination.Length < Length)
        {
            throw new ArgumentException($"The answer needs {Length} bytes, the destination has {destination.Length}.", nameof(destination));
        }

        if (cookieHash.Length is not (0 or CookieHash.Length))
        {
            throw new ArgumentException($"A cookie hash has {CookieHash.Length} bytes, this one has {cookieHash.Length}.", nameof(cookieHash));
        }

        var record = destination[..Length];
        record.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(record, Length);
        cookieHash.CopyTo(record[SizeField..]);
        return Length;
    }
}
