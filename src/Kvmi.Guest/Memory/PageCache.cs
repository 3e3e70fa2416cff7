using Kvmi.Session.Vm;

namespace Kvmi.Guest.Memory;

/// <summary>
/// Physical memory that remembers what was read since <see cref="Forget()"/>, so that the same bytes are asked for once. What it gives
/// may be as old as that: the guest's other vCPUs run on. It never gives bytes older than ones that it has given before for the
/// same address.
/// <para>
/// A command asks for whole granules of 512 bytes within one page; what one call lacks leaves together. Bounded: beyond its pages, the
/// ones that were used once go first. A range longer than a quarter of the cache is not kept. Pages that cannot be read are not remembered.
/// Allocates a page's buffer the first time that so many are needed, and nothing later. For one thread.
/// </para>
/// </summary>
public sealed class PageCache : IPhysicalMemory
{
    /// <summary>Fewest pages: the tables of a walk and what they lead to, across one border.</summary>
    public const int MinPages = 8;

    /// <summary>Most pages.</summary>
    public const int MaxPages = 1024;

    private const int PageSize = 4096;

    /// <summary>Bytes that are remembered or not as one, at addresses that are multiples of it.</summary>
    public const int GranuleSize = 512;

    private const int LastGranule = (PageSize / GranuleSize) - 1;
    private const int MaxRequests = 64;
    private const int MaxPieces = 256;

    // Seven whole pages: with their envelopes they are one window of the session (32 KiB of answers).
    private const int MaxBytesTogether = 7 * PageSize;
    private const int Direct = -1;

    private readonly IPhysicalMemory _source;
    private readonly int _longest;

    // The pages: number, which granules are there, recently used, and the request under way for them.
    private readonly byte[]?[] _data;
    private readonly ulong[] _numbers;
    private readonly byte[] _valid;
    private readonly bool[] _recent;
    private readonly int[] _requestOf;
    private int _used;
    private int _hand;

    // What leaves together next.
    private readonly MemoryRange[] _requests = new MemoryRange[MaxRequests];
    private readonly int[] _pageOf = new int[MaxRequests];
    private readonly bool[] _got = new bool[MaxRequests];
    private readonly Piece[] _pieces = new Piece[MaxPieces];
    private byte[]? _answers;
    private int _requestCount;
    private int _requestBytes;
    private int _pieceCount;

    /// <summary>Makes an empty cache.</summary>
    /// <param name="source">Where bytes come from that are not here.</param>
    /// <param name="pages">How many pages it holds at most, <see cref="MinPages"/> to <see cref="MaxPages"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of pages is out of its range.</exception>
    public PageCache(IPhysicalMemory source, int pages)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, MinPages);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pages, MaxPages);
        _source = source;
        _longest = pages / 4 * PageSize;
        _data = new byte[pages][];
        _numbers = new ulong[pages];
        _valid = new byte[pages];
        _recent = new bool[pages];
        _requestOf = new int[pages];
    }

    /// <summary>Requests made of the source so far: commands, where it is a VM.</summary>
    public long Requests { get; private set; }

    /// <summary>How often requests left together: round trips, as long as their answers fit one window of the session.</summary>
    public long Exchanges { get; private set; }

    /// <summary>Forgets everything, at the cost of one store.</summary>
    public void Forget() => _used = 0;

    /// <summary>Forgets the pages of a range: they are about to be looked at again, or were written.</summary>
    public void Forget(ulong gpa, int length)
    {
        if (length <= 0)
        {
            return;
        }

        var first = gpa / PageSize;
        var last = (MemoryBounds.Fits(gpa, length) ? gpa + (ulong)(length - 1) : ulong.MaxValue) / PageSize;
        for (var i = 0; i < _used; i++)
        {
            if (_numbers[i] >= first && _numbers[i] <= last)
            {
                _valid[i] = 0;
            }
        }
    }

    /// <summary>Copies what is remembered, for one who looks at the same event later and must not ask for more.</summary>
    /// <param name="gpas">Takes the address of each granule.</param>
    /// <param name="bytes">Takes its bytes, <see cref="GranuleSize"/> for each of <paramref name="gpas"/>.</param>
    /// <returns>How many there are, in no order; no more than there is room for.</returns>
    /// <exception cref="ArgumentException">There are fewer bytes than addresses have room for.</exception>
    public int CopyTo(Span<ulong> gpas, Span<byte> bytes)
    {
        if (bytes.Length < gpas.Length * GranuleSize)
        {
            throw new ArgumentException($"For {gpas.Length} addresses there must be {gpas.Length * GranuleSize} bytes.", nameof(bytes));
        }

        var count = 0;
        for (var i = 0; i < _used; i++)
        {
            for (var granule = 0; granule <= LastGranule && count < gpas.Length; granule++)
            {
                if ((_valid[i] & (1 << granule)) != 0)
                {
                    gpas[count] = (_numbers[i] * PageSize) + (ulong)(granule * GranuleSize);
                    _data[i].AsSpan(granule * GranuleSize, GranuleSize).CopyTo(bytes[(count * GranuleSize)..]);
                    count++;
                }
            }
        }

        return count;
    }

    /// <inheritdoc/>
    public bool TryRead(ulong gpa, Span<byte> destination)
    {
        if ((gpa % PageSize) + (ulong)destination.Length <= PageSize && TryTake(gpa, destination))
        {
            return true;
        }

        var result = false;
        return TryRead([new MemoryRange(gpa, destination.Length)], destination, new Span<bool>(ref result));
    }

    /// <inheritdoc/>
    public bool TryRead(ReadOnlySpan<MemoryRange> ranges, Span<byte> destination, Span<bool> results)
    {
        MemoryBounds.Check(ranges, destination.Length, results.Length);
        results = results[..ranges.Length];
        results.Fill(true);

        // A call that ended in an exception may have left something.
        Restart();
        var offset = 0;
        for (var i = 0; i < ranges.Length; i++)
        {
            Collect(i, in ranges[i], offset, destination, results);
            offset += ranges[i].Length;
        }

        Exchange(destination, results);
        return !results.Contains(false);
    }

    private void Collect(int index, in MemoryRange range, int offset, Span<byte> destination, Span<bool> results)
    {
        if (!MemoryBounds.Fits(range.Gpa, range.Length))
        {
            results[index] = false;
            return;
        }

        var keep = range.Length <= _longest;
        for (var done = 0; done < range.Length && results[index];)
        {
            var gpa = range.Gpa + (ulong)done;
            var piece = new Piece(index, gpa, Math.Min(range.Length - done, PageSize - (int)(gpa % PageSize)), offset + done);
            if (!TryTake(gpa, destination.Slice(piece.Offset, piece.Length)))
            {
                if (!TryPlan(piece, keep))
                {
                    Exchange(destination, results);

                    // There is room for every single piece, unless its range has failed by now.
                    continue;
                }
            }

            done += piece.Length;
        }
    }

    private bool TryTake(ulong gpa, Span<byte> destination)
    {
        if (destination.IsEmpty)
        {
            return true;
        }

        var page = Find(gpa);
        var inPage = (int)(gpa % PageSize);
        var wanted = Granules(inPage / GranuleSize, (inPage + destination.Length - 1) / GranuleSize);
        if (page < 0 || (_valid[page] & wanted) != wanted)
        {
            return false;
        }

        _recent[page] = true;
        _data[page].AsSpan(inPage, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>Adds what a piece lacks to what leaves next; false when there is no room.</summary>
    private bool TryPlan(Piece piece, bool keep)
    {
        if (_pieceCount == MaxPieces)
        {
            return false;
        }

        var page = Find(piece.Gpa);
        if (page < 0 && !keep)
        {
            return TryRequest(piece, Direct, piece.Gpa, piece.Length);
        }

        var inPage = (int)(piece.Gpa % PageSize);
        var first = inPage / GranuleSize;
        var last = (inPage + piece.Length - 1) / GranuleSize;
        if (page < 0)
        {
            // Asked for before a page is given up for it.
            return HasRoom(((last - first) + 1) * GranuleSize)
                && TryPlace(piece.Gpa / PageSize, out page)
                && TryRequest(piece, page, PageStart(piece.Gpa) + (ulong)(first * GranuleSize), (last - first + 1) * GranuleSize);
        }

        if (_requestOf[page] >= 0)
        {
            return TryWiden(piece, page, first, last);
        }

        while ((_valid[page] & (1 << first)) != 0)
        {
            first++;
        }

        while ((_valid[page] & (1 << last)) != 0)
        {
            last--;
        }

        return TryRequest(piece, page, PageStart(piece.Gpa) + (ulong)(first * GranuleSize), (last - first + 1) * GranuleSize);
    }

    private bool TryWiden(Piece piece, int page, int first, int last)
    {
        ref var request = ref _requests[_requestOf[page]];
        var oldFirst = (int)(request.Gpa % PageSize) / GranuleSize;
        first = Math.Min(first, oldFirst);
        last = Math.Max(last, oldFirst + (request.Length / GranuleSize) - 1);
        var length = (last - first + 1) * GranuleSize;
        if (_requestBytes - request.Length + length > MaxBytesTogether)
        {
            return false;
        }

        _requestBytes += length - request.Length;
        request = new MemoryRange(PageStart(piece.Gpa) + (ulong)(first * GranuleSize), length);
        _pieces[_pieceCount++] = piece with { Request = _requestOf[page] };
        return true;
    }

    private bool TryRequest(Piece piece, int page, ulong gpa, int length)
    {
        if (!HasRoom(length))
        {
            return false;
        }

        _requests[_requestCount] = new MemoryRange(gpa, length);
        _pageOf[_requestCount] = page;
        if (page != Direct)
        {
            _requestOf[page] = _requestCount;
        }

        _pieces[_pieceCount++] = piece with { Request = _requestCount };
        _requestCount++;
        _requestBytes += length;
        return true;
    }

    private bool HasRoom(int length) => _requestCount < MaxRequests && _requestBytes + length <= MaxBytesTogether;

    /// <summary>Finds a place for a page; false when something is on its way for every one.</summary>
    private bool TryPlace(ulong number, out int page)
    {
        if (_used < _data.Length)
        {
            page = _used++;
            _data[page] ??= GC.AllocateUninitializedArray<byte>(PageSize);
        }
        else
        {
            // Twice around: the first time a page that was used since the last time is spared.
            page = -1;
            for (var step = 0; step < 2 * _data.Length && page < 0; step++)
            {
                _hand = (_hand + 1) % _data.Length;
                if (_requestOf[_hand] < 0 && !_recent[_hand])
                {
                    page = _hand;
                }
                else if (_requestOf[_hand] < 0)
                {
                    _recent[_hand] = false;
                }
            }

            if (page < 0)
            {
                return false;
            }
        }

        _numbers[page] = number;
        _valid[page] = 0;
        _recent[page] = false;
        _requestOf[page] = -1;
        return true;
    }

    /// <summary>Sends what was collected and hands out the answers.</summary>
    private void Exchange(Span<byte> destination, Span<bool> results)
    {
        if (_requestCount == 0)
        {
            return;
        }

        _answers ??= GC.AllocateUninitializedArray<byte>(MaxBytesTogether);
        Exchanges++;
        Requests += _requestCount;
        _source.TryRead(_requests.AsSpan(0, _requestCount), _answers.AsSpan(0, _requestBytes), _got);
        Span<int> starts = stackalloc int[MaxRequests];
        var start = 0;
        for (var i = 0; i < _requestCount; i++)
        {
            starts[i] = start;
            if (_got[i] && _pageOf[i] != Direct)
            {
                Keep(_pageOf[i], in _requests[i], _answers.AsSpan(start, _requests[i].Length));
            }

            start += _requests[i].Length;
        }

        foreach (ref readonly var piece in _pieces.AsSpan(0, _pieceCount))
        {
            var page = _pageOf[piece.Request];
            if (!_got[piece.Request])
            {
                results[piece.Range] = false;
            }
            else
            {
                var bytes = page == Direct
                    ? _answers.AsSpan(starts[piece.Request], piece.Length)
                    : _data[page].AsSpan((int)(piece.Gpa % PageSize), piece.Length);
                bytes.CopyTo(destination[piece.Offset..]);
            }
        }

        Restart();
    }

    private void Keep(int page, in MemoryRange request, ReadOnlySpan<byte> bytes)
    {
        var inPage = (int)(request.Gpa % PageSize);
        bytes.CopyTo(_data[page].AsSpan(inPage));
        _valid[page] |= Granules(inPage / GranuleSize, (inPage + bytes.Length - 1) / GranuleSize);
    }

    private void Restart()
    {
        _requestOf.AsSpan(0, _used).Fill(-1);
        _requestCount = 0;
        _requestBytes = 0;
        _pieceCount = 0;
    }

    private int Find(ulong gpa) => _numbers.AsSpan(0, _used).IndexOf(gpa / PageSize);

    private static ulong PageStart(ulong gpa) => gpa & ~(ulong)(PageSize - 1);

    private static byte Granules(int first, int last) => (byte)((byte.MaxValue << first) & (byte.MaxValue >> (LastGranule - last)));

    /// <summary>A part of a range within one page.</summary>
    /// <param name="Range">Index of the range.</param>
    /// <param name="Gpa">Where it begins.</param>
    /// <param name="Length">Its bytes.</param>
    /// <param name="Offset">Where they go.</param>
    private readonly record struct Piece(int Range, ulong Gpa, int Length, int Offset)
    {
        /// <summary>The request that brings what was missing of it.</summary>
        public int Request { get; init; }
    }
}
