using System.Buffers.Binary;
using Kvmi.Protocol;

namespace Kvmi.Fuzz.Mutation;

/// <summary>Makes bad messages of good ones. Works in one buffer; the result is valid until the next call.</summary>
internal sealed class Mutator
{
    // Where ids, sizes, counts and the common part of events lie.
    private const int Front = 32;

    private static readonly ulong[] Interesting =
    [
        0, 1, 2, 3, 7, 8, 13, 14, 15, 16, 23, 24, 63, 64, 127, 128, 255, 256, 257, 511, 512, 543, 544, 545, 4094, 4095, 4096, 4097, 8183, 8184, 8185,
        0x7fff, 0x8000, 0xfff7, 0xfff8, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
        0x8000000000000000, 0xfffffffffffffff0, ulong.MaxValue,
    ];

    private readonly byte[] _buffer = new byte[MessageHeader.Length + ushort.MaxValue];

    /// <summary>Mutates a message.</summary>
    /// <param name="random">Decides everything.</param>
    /// <param name="message">The message; stays as it is.</param>
    /// <param name="other">Another one, for splices.</param>
    /// <param name="hasHeader">False for bytes that do not begin with the header of a message, and have no size in it.</param>
    public ReadOnlySpan<byte> Mutate(ref Randomness random, ReadOnlySpan<byte> message, ReadOnlySpan<byte> other, bool hasHeader = true)
    {
        message.CopyTo(_buffer);
        var length = message.Length;
        for (var rounds = random.Next(4); rounds > 0; rounds--)
        {
            length = MutateOnce(ref random, length, other, hasHeader);
        }

        // Mostly a header that agrees, so that the bodies are reached.
        if (hasHeader && length >= MessageHeader.Length && !random.OnceIn(8))
        {
            BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(2), (ushort)(length - MessageHeader.Length));
        }

        return _buffer.AsSpan(0, length);
    }

    private int MutateOnce(ref Randomness random, int length, ReadOnlySpan<byte> other, bool hasHeader)
    {
        switch (random.Next(hasHeader ? 8 : 7))
        {
            case 0:
                for (var flips = random.Next(1, 8); flips > 0 && length > 0; flips--)
                {
                    _buffer[Position(ref random, length)] ^= (byte)(1 << random.Next(8));
                }

                return length;
            case 1:
                if (length > 0)
                {
                    _buffer[Position(ref random, length)] = (byte)random.Next();
                }

                return length;
            case 2:
                WriteInteresting(ref random, length);
                return length;
            case 3:
                return random.Next(length + 1);
            case 4:
                return Extend(ref random, length);
            case 5:
                return Splice(ref random, length, other);
            case 6:
                return Remove(ref random, length);
            default:
                if (length >= MessageHeader.Length)
                {
                    // The size field lies; the caller may put it right again.
                    BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(2), (ushort)Interesting[random.Next(Interesting.Length)]);
                }

                return length;
        }
    }

    private static int Position(ref Randomness random, int length) => random.Next(random.OnceIn(2) ? Math.Min(Front, length) : length);

    private void WriteInteresting(ref Randomness random, int length)
    {
        var width = 1 << random.Next(4);
        if (length < width)
        {
            return;
        }

        var value = random.OnceIn(8) ? (ulong)(length - MessageHeader.Length + random.Next(3) - 1) : Interesting[random.Next(Interesting.Length)];
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        var position = Math.Min(Position(ref random, length) / width * width, length - width);
        bytes[..width].CopyTo(_buffer.AsSpan(position));
    }

    private int Extend(ref Randomness random, int length)
    {
        // Rarely by much: long messages cost time and say little more.
        var room = _buffer.Length - length;
        var surplus = Math.Min(room, random.OnceIn(64) ? random.Next(room + 1) : random.Next(1, 64));
        var fill = random.Next(3) switch { 0 => (byte)0, 1 => (byte)0xff, _ => (byte)random.Next() };
        _buffer.AsSpan(length, surplus).Fill(fill);
        return length + surplus;
    }

    private int Splice(ref Randomness random, int length, ReadOnlySpan<byte> other)
    {
        var keep = random.Next(length + 1);
        var from = random.Next(other.Length + 1);
        var taken = other.Slice(from, Math.Min(other.Length - from, _buffer.Length - keep));
        taken.CopyTo(_buffer.AsSpan(keep));
        return keep + taken.Length;
    }

    private int Remove(ref Randomness random, int length)
    {
        var start = random.Next(length + 1);
        var count = Math.Min(random.Next(1, 32), length - start);
        _buffer.AsSpan(start + count, length - start - count).CopyTo(_buffer.AsSpan(start));
        return length - count;
    }
}
