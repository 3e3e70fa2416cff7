namespace Kvmi.Policy.Testing.Replay.Traces;

/// <summary>
/// Guest memory as far as a trace holds it, byte by byte. Reads that were recorded for the event in hand come first, each once and in order, so
/// that a page which changed between two of them reads as it did; behind them stands what earlier events read last.
/// </summary>
internal sealed class RecordedMemory
{
    private const int PageSize = 4096;
    private readonly Dictionary<ulong, Page> _pages = [];
    private readonly List<(ulong Gpa, byte[] Data)> _reads = [];
    private readonly List<(ulong Gpa, byte[] Data)> _afterwards = [];

    /// <summary>A read that was recorded for the event in hand.</summary>
    public void AddRead(ulong gpa, byte[] data)
    {
        _reads.Add((gpa, data));
        _afterwards.Add((gpa, data));
    }

    /// <summary>A write that was recorded for the event in hand: later events see it.</summary>
    public void AddWrite(ulong gpa, byte[] data) => _afterwards.Add((gpa, data));

    /// <summary>Bytes that a policy of the replay writes and the recorded ones did not: what was read later lacks them.</summary>
    public void Override(ulong gpa, ReadOnlySpan<byte> data)
    {
        foreach (var (start, piece) in _reads)
        {
            Overlay(start, piece, gpa, data);
        }

        Store(gpa, data);
    }

    /// <summary>Bytes that stand in memory from now on.</summary>
    public void Store(ulong gpa, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            if (!_pages.TryGetValue(gpa / PageSize, out var page))
            {
                _pages.Add(gpa / PageSize, page = new Page());
            }

            var offset = (int)(gpa % PageSize);
            var count = Math.Min(data.Length, PageSize - offset);
            page.Write(offset, data[..count]);
            data = data[count..];
            gpa += (ulong)count;
        }
    }

    /// <summary>Reads bytes; they must not cross a page.</summary>
    /// <returns>False when the trace does not hold all of them.</returns>
    public bool TryRead(ulong gpa, Span<byte> destination)
    {
        for (var i = 0; i < _reads.Count; i++)
        {
            var (start, data) = _reads[i];
            if (gpa >= start && data.Length >= destination.Length && gpa - start <= (ulong)(data.Length - destination.Length))
            {
                data.AsSpan((int)(gpa - start), destination.Length).CopyTo(destination);
                if (data.Length == destination.Length)
                {
                    Store(start, data);
                    _reads.RemoveAt(i);
                }

                return true;
            }
        }

        return _pages.TryGetValue(gpa / PageSize, out var page) && page.TryRead((int)(gpa % PageSize), destination);
    }

    /// <summary>The event is over: what was not asked for is known from now on.</summary>
    public void EndEvent()
    {
        foreach (var (gpa, data) in _afterwards)
        {
            Store(gpa, data);
        }

        _afterwards.Clear();
        _reads.Clear();
    }

    private static void Overlay(ulong start, byte[] piece, ulong gpa, ReadOnlySpan<byte> data)
    {
        for (var i = 0; i < data.Length; i++)
        {
            var at = gpa + (ulong)i - start;
            if (at < (ulong)piece.Length)
            {
                piece[at] = data[i];
            }
        }
    }

    private sealed class Page
    {
        private readonly byte[] _bytes = new byte[PageSize];
        private readonly ulong[] _known = new ulong[PageSize / 64];

        public void Write(int offset, ReadOnlySpan<byte> data)
        {
            data.CopyTo(_bytes.AsSpan(offset));
            for (var i = offset; i < offset + data.Length; i++)
            {
                _known[i >> 6] |= 1UL << (i & 63);
            }
        }

        public bool TryRead(int offset, Span<byte> destination)
        {
            for (var i = offset; i < offset + destination.Length; i++)
            {
                if ((_known[i >> 6] & (1UL << (i & 63))) == 0)
                {
                    return false;
                }
            }

            _bytes.AsSpan(offset, destination.Length).CopyTo(destination);
            return true;
        }
    }
}
