using System.Numerics;
using System.Runtime.CompilerServices;

namespace Kvmi.Policy.Testing.Traces.Recording;

/// <summary>
/// A bounded queue of bytes between the threads that vCPUs wait for and the one thread that writes the trace: many writers, one reader. A
/// writer reserves its place with one compare-and-swap, copies, and publishes; it never waits and allocates nothing. When there is no room
/// the entry is lost, and the caller counts it.
/// </summary>
internal sealed class TraceRing
{
    /// <summary>Longest entry, so that every entry fits into half of the smallest ring.</summary>
    public const int MaxEntry = TraceRingEntry.Length + Format.TraceFormat.MaxMessage;

    private const int MarkLength = 8;
    private const int Alignment = 8;
    private readonly byte[] _bytes;
    private readonly long _mask;
    private long _tail;
    private long _head;

    /// <summary>Makes a ring.</summary>
    /// <param name="capacity">Bytes; rounded up to a power of two, at least 256 KiB.</param>
    public TraceRing(int capacity)
    {
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(capacity, 256 << 10, 1 << 30));
        _bytes = new byte[size];
        _mask = size - 1;
    }

    /// <summary>Bytes that wait for the reader.</summary>
    public long Waiting => Volatile.Read(ref _tail) - Volatile.Read(ref _head);

    /// <summary>True when the reader had better come soon.</summary>
    public bool IsHalfFull => Waiting > _bytes.Length / 2;

    /// <summary>Puts an entry in. Any thread.</summary>
    /// <returns>False when there is no room.</returns>
    public bool TryWrite(in TraceRingEntry entry, ReadOnlySpan<byte> payload)
    {
        var size = (MarkLength + TraceRingEntry.Length + payload.Length + Alignment - 1) & -Alignment;
        while (true)
        {
            var head = Volatile.Read(ref _head);
            var tail = Volatile.Read(ref _tail);
            var toEnd = _bytes.Length - (tail & _mask);
            var skip = size <= toEnd ? 0 : toEnd;
            if (tail + skip + size - head > _bytes.Length)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _tail, tail + skip + size, tail) != tail)
            {
                continue;
            }

            if (skip > 0)
            {
                // An entry does not go round the end: the rest is marked as passed over.
                Volatile.Write(ref Mark(tail), -(int)skip);
            }

            var place = _bytes.AsSpan((int)((tail + skip) & _mask), size);
            entry.Write(place[MarkLength..], payload.Length);
            payload.CopyTo(place[(MarkLength + TraceRingEntry.Length)..]);
            Volatile.Write(ref Mark(tail + skip), size);
            return true;
        }
    }

    /// <summary>The next entry, valid until <see cref="Release"/>. For the one reader.</summary>
    /// <returns>False when there is none yet.</returns>
    public bool TryPeek(out TraceRingEntry entry, out ReadOnlySpan<byte> payload)
    {
        while (true)
        {
            var mark = Volatile.Read(ref Mark(_head));
            if (mark == 0)
            {
                entry = default;
                payload = default;
                return false;
            }

            if (mark > 0)
            {
                var place = _bytes.AsSpan((int)(_head & _mask) + MarkLength, mark - MarkLength);
                entry = TraceRingEntry.Read(place, out var length);
                payload = place.Slice(TraceRingEntry.Length, length);
                return true;
            }

            Free(-mark);
        }
    }

    /// <summary>Gives the place of the entry of the last <see cref="TryPeek"/> back to the writers.</summary>
    public void Release() => Free(Mark(_head));

    // Cleared first: a mark that is not zero means "published", wherever the next entries begin.
    private void Free(int size)
    {
        _bytes.AsSpan((int)(_head & _mask), size).Clear();
        Volatile.Write(ref _head, _head + size);
    }

    private ref int Mark(long position) => ref Unsafe.As<byte, int>(ref _bytes[position & _mask]);
}
