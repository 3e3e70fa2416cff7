using System.Diagnostics.CodeAnalysis;

namespace Kvmi.Simulator.Machine.Model;

/// <summary>Guest-physical memory from 0 to its size, with frames that exist once they are touched. Any thread.</summary>
internal sealed class PhysicalMemory
{
    public const int PageSize = 4096;
    public const int PageShift = 12;
    private const int ChunkShift = 9;
    private const int ChunkLength = 1 << ChunkShift;

    // Two levels, so that a large guest costs what it touches and a lookup stays two array reads.
    private readonly Frame?[]?[] _chunks;

    public PhysicalMemory(ulong size)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfNotEqual(size % PageSize, 0UL);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, 1UL << 40);
        Size = size;
        _chunks = new Frame?[]?[(int)(((size >> PageShift) + ChunkLength - 1) >> ChunkShift)];
    }

    /// <summary>All frames that somebody has touched.</summary>
    public IEnumerable<Frame> Frames
    {
        get
        {
            foreach (var chunk in _chunks)
            {
                foreach (var frame in chunk ?? [])
                {
                    if (frame is not null) yield return frame;
                }
            }
        }
    }

    /// <summary>First address after memory.</summary>
    public ulong Size { get; }

    public bool IsBacked(ulong gpa) => gpa < Size;

    /// <summary>Gives the frame that contains an address, making it when nobody has touched it yet.</summary>
    public bool TryGetFrame(ulong gpa, [NotNullWhen(true)] out Frame? frame)
    {
        if (gpa >= Size)
        {
            frame = null;
            return false;
        }

        var gfn = gpa >> PageShift;
        var chunk = Volatile.Read(ref _chunks[gfn >> ChunkShift]);
        frame = chunk is null ? null : Volatile.Read(ref chunk[gfn & (ChunkLength - 1)]);
        frame ??= MakeFrame(gfn);
        return true;
    }

    public bool TryRead(ulong gpa, Span<byte> destination)
    {
        if (!Contains(gpa, destination.Length)) return false;
        while (!destination.IsEmpty)
        {
            var offset = (int)(gpa & (PageSize - 1));
            var count = Math.Min(destination.Length, PageSize - offset);
            if (Peek(gpa) is { } frame) frame.Data.AsSpan(offset, count).CopyTo(destination);
            else destination[..count].Clear();
            destination = destination[count..];
            gpa += (ulong)count;
        }

        return true;
    }

    public bool TryWrite(ulong gpa, ReadOnlySpan<byte> source)
    {
        if (!Contains(gpa, source.Length)) return false;
        while (!source.IsEmpty)
        {
            var offset = (int)(gpa & (PageSize - 1));
            var count = Math.Min(source.Length, PageSize - offset);
            if (!TryGetFrame(gpa, out var frame)) return false;
            source[..count].CopyTo(frame.Data.AsSpan(offset, count));
            frame.Touch();
            source = source[count..];
            gpa += (ulong)count;
        }

        return true;
    }

    /// <summary>Gives the frame that contains an address if somebody has touched it; reading must not make frames.</summary>
    public Frame? Peek(ulong gpa)
    {
        if (gpa >= Size) return null;
        var gfn = gpa >> PageShift;
        var chunk = Volatile.Read(ref _chunks[gfn >> ChunkShift]);
        return chunk is null ? null : Volatile.Read(ref chunk[gfn & (ChunkLength - 1)]);
    }

    private bool Contains(ulong gpa, int length) => gpa < Size && (ulong)length <= Size - gpa;

    private Frame MakeFrame(ulong gfn)
    {
        ref var chunkSlot = ref _chunks[gfn >> ChunkShift];
        var chunk = Volatile.Read(ref chunkSlot);
        if (chunk is null)
        {
            var madeChunk = new Frame?[ChunkLength];
            chunk = Interlocked.CompareExchange(ref chunkSlot, madeChunk, null) ?? madeChunk;
        }

        var made = new Frame(gfn << PageShift);
        return Interlocked.CompareExchange(ref chunk[gfn & (ChunkLength - 1)], made, null) ?? made;
    }
}
