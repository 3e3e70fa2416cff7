using System.Buffers.Binary;
using Kvmi.Guest.Memory;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Guest.Paging;

/// <summary>
/// Reads and translates many guest-virtual addresses at once. All walks go down together: the entries of one level are asked for at the
/// same time, then those of the next, then all the bytes. So a call waits at most six times, however many addresses it has; over a
/// <see cref="PageCache"/>, entries in one page of tables are one request. Allocates nothing after its creation. For one thread.
/// </summary>
public sealed class VirtualReader
{
    /// <summary>Most ranges or addresses of one call.</summary>
    public const int MaxRanges = 64;

    /// <summary>Most bytes of one call.</summary>
    public const int MaxBytes = 65_536;

    private const int PageSize = 4096;
    private const int EntrySize = 8;
    private const int MaxPages = (MaxBytes / PageSize) + (2 * MaxRanges);

    private readonly IPhysicalMemory _memory;
    private readonly PageWalk[] _walks = new PageWalk[MaxPages];
    private readonly Piece[] _pieces = new Piece[MaxPages];
    private readonly MemoryRange[] _ranges = new MemoryRange[MaxPages];
    private readonly int[] _asker = new int[MaxPages];
    private readonly bool[] _got = new bool[MaxPages];
    private readonly byte[] _entries = new byte[MaxPages * EntrySize];

    /// <summary>Makes a reader.</summary>
    /// <param name="memory">Where tables and bytes are read from.</param>
    public VirtualReader(IPhysicalMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        _memory = memory;
    }

    /// <summary>Reads ranges, one behind the other into one buffer.</summary>
    /// <param name="sregs">CR0, CR3, CR4 and EFER of the vCPU.</param>
    /// <param name="ranges">What to read; ranges may cross pages, but do not wrap around the end of the address space.</param>
    /// <param name="destination">At least as long as all ranges together. The place of a range that failed is cleared.</param>
    /// <param name="results">At least one place for each range: true when all its bytes were read.</param>
    /// <returns>True when every range was read.</returns>
    /// <exception cref="ArgumentException">Too many ranges or bytes, a negative length, or a buffer that is too short.</exception>
    public bool TryRead(in KvmSregs sregs, ReadOnlySpan<VirtualRange> ranges, Span<byte> destination, Span<bool> results)
    {
        var bytes = Check(ranges, destination.Length, results.Length);
        results = results[..ranges.Length];
        results.Fill(true);
        var count = Split(in sregs, ranges, results);
        Walk(count);
        for (var i = 0; i < count; i++)
        {
            results[_pieces[i].Range] &= _walks[i].Status == TranslationStatus.Mapped;
        }

        ReadMapped(count, destination[..bytes], results);
        Clear(ranges, destination, results);
        return !results.Contains(false);
    }

    /// <summary>Translates addresses.</summary>
    /// <param name="sregs">CR0, CR3, CR4 and EFER of the vCPU.</param>
    /// <param name="gvas">Linear addresses.</param>
    /// <param name="gpas">At least one place for each: its guest-physical address, 0 unless mapped.</param>
    /// <param name="results">At least one place for each: how its walk ended.</param>
    /// <returns>True when every address is mapped.</returns>
    /// <exception cref="ArgumentException">Too many addresses, or a buffer that is too short.</exception>
    public bool TryTranslate(in KvmSregs sregs, ReadOnlySpan<ulong> gvas, Span<ulong> gpas, Span<TranslationStatus> results)
    {
        if (gvas.Length > MaxRanges || gpas.Length < gvas.Length || results.Length < gvas.Length)
        {
            throw new ArgumentException($"{gvas.Length} addresses are to be translated; {MaxRanges} may be, with a place for each.", nameof(gvas));
        }

        for (var i = 0; i < gvas.Length; i++)
        {
            _walks[i] = new PageWalk(in sregs, gvas[i]);
        }

        Walk(gvas.Length);
        var all = true;
        for (var i = 0; i < gvas.Length; i++)
        {
            gpas[i] = _walks[i].Gpa;
            results[i] = _walks[i].Status;
            all &= results[i] == TranslationStatus.Mapped;
        }

        return all;
    }

    private static int Check(ReadOnlySpan<VirtualRange> ranges, int destination, int results)
    {
        if (ranges.Length > MaxRanges)
        {
            throw new ArgumentException($"There are {ranges.Length} ranges; {MaxRanges} may be read at once.", nameof(ranges));
        }

        var bytes = 0L;
        foreach (ref readonly var range in ranges)
        {
            bytes += range.Length >= 0
                ? range.Length
                : throw new ArgumentException($"A memory range has a length of {range.Length} bytes.", nameof(ranges));
        }

        if (bytes > MaxBytes || bytes > destination || ranges.Length > results)
        {
            throw new ArgumentException(
                $"{ranges.Length} ranges have {bytes} bytes together; {MaxBytes} may be read at once, and there is room for {destination} bytes "
                + $"and {results} results.",
                nameof(ranges));
        }

        return (int)bytes;
    }

    /// <summary>Begins a walk for each page of each range.</summary>
    private int Split(in KvmSregs sregs, ReadOnlySpan<VirtualRange> ranges, Span<bool> results)
    {
        var count = 0;
        var offset = 0;
        for (var i = 0; i < ranges.Length; i++)
        {
            results[i] = MemoryBounds.Fits(ranges[i].Gva, ranges[i].Length);
            for (var done = 0; done < ranges[i].Length && results[i];)
            {
                var gva = ranges[i].Gva + (ulong)done;
                var length = Math.Min(ranges[i].Length - done, PageSize - (int)(gva % PageSize));
                _walks[count] = new PageWalk(in sregs, gva);
                _pieces[count++] = new Piece(i, offset + done, length);
                done += length;
            }

            offset += ranges[i].Length;
        }

        return count;
    }

    private void Walk(int count)
    {
        while (true)
        {
            var asked = 0;
            for (var i = 0; i < count; i++)
            {
                if (_walks[i].NeedsEntry)
                {
                    _ranges[asked] = new MemoryRange(_walks[i].EntryGpa, _walks[i].EntrySize);
                    _asker[asked++] = i;
                }
            }

            if (asked == 0)
            {
                return;
            }

            _memory.TryRead(_ranges.AsSpan(0, asked), _entries, _got);
            var at = 0;
            for (var i = 0; i < asked; i++)
            {
                ref var walk = ref _walks[_asker[i]];
                var entry = _entries.AsSpan(at, _ranges[i].Length);
                at += entry.Length;
                if (_got[i])
                {
                    walk.Take(entry.Length == EntrySize ? BinaryPrimitives.ReadUInt64LittleEndian(entry) : BinaryPrimitives.ReadUInt32LittleEndian(entry));
                }
                else
                {
                    walk.Fail();
                }
            }
        }
    }

    /// <summary>Reads the pages of the ranges that are mapped as a whole.</summary>
    private void ReadMapped(int count, Span<byte> destination, Span<bool> results)
    {
        var asked = 0;
        for (var i = 0; i < count; i++)
        {
            if (results[_pieces[i].Range])
            {
                _ranges[asked] = new MemoryRange(_walks[i].Gpa, _pieces[i].Length);
                _asker[asked++] = i;
            }
        }

        _memory.TryRead(_ranges.AsSpan(0, asked), destination, _got);
        var end = 0;
        for (var i = 0; i < asked; i++)
        {
            results[_pieces[_asker[i]].Range] &= _got[i];
            end += _ranges[i].Length;
        }

        // They lie without gaps. From the last one on each moves to its place, which is never before where it is.
        for (var i = asked - 1; i >= 0; i--)
        {
            ref readonly var piece = ref _pieces[_asker[i]];
            end -= piece.Length;
            if (end != piece.Offset)
            {
                destination.Slice(end, piece.Length).CopyTo(destination[piece.Offset..]);
            }
        }
    }

    private static void Clear(ReadOnlySpan<VirtualRange> ranges, Span<byte> destination, ReadOnlySpan<bool> results)
    {
        for (var i = 0; i < ranges.Length; i++)
        {
            if (!results[i])
            {
                destination[..ranges[i].Length].Clear();
            }

            destination = destination[ranges[i].Length..];
        }
    }

    /// <summary>A part of a range within one page.</summary>
    /// <param name="Range">Index of the range.</param>
    /// <param name="Offset">Where its bytes go.</param>
    /// <param name="Length">How many.</param>
    private readonly record struct Piece(int Range, int Offset, int Length);
}
