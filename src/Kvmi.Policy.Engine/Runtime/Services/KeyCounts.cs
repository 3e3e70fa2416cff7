using Kvmi.Policy.Engine.Runtime.State;
using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>
/// A histogram with room for a fixed number of keys, all of it taken at creation. While there is room, each key has its exact count. From then on a
/// new key takes the place of the one with the lowest count and begins with that count as its possible error (Space-Saving, Metwally et al. 2005):
/// every key that occurred more often than the lowest count is there. One thread adds; any thread reads, without a lock: a row says by its version
/// whether it changed hands while it was read.
/// </summary>
internal sealed class KeyCounts : IPolicyCounts
{
    /// <summary>Keys that are counted exactly.</summary>
    public const int Capacity = 4096;

    private readonly IPolicyClock _clock;
    private readonly ProbeTable<ulong, int> _rowOf;
    private readonly Row[] _rows;

    // Once all rows are used: a heap of rows by count, lowest on top, and where in it each row is.
    private readonly int[] _heap;
    private readonly int[] _place;
    private int _used;
    private bool _isFull;
    private long _total;
    private long _floor;
    private long _first;
    private long _last;

    public KeyCounts(string name, ulong seed, IPolicyClock clock, int capacity = Capacity)
    {
        Name = name;
        _clock = clock;
        _rowOf = new ProbeTable<ulong, int>(capacity, seed);
        _rows = new Row[capacity];
        _heap = new int[capacity];
        _place = new int[capacity];
    }

    public string Name { get; }

    public long Total => Volatile.Read(ref _total);

    public void Add(ulong key)
    {
        var now = _clock.UtcNow.UtcTicks;
        var index = _rowOf.Find(key);
        if (index >= 0)
        {
            var row = _rowOf.ValueAt(index);
            Volatile.Write(ref _rows[row].Count, _rows[row].Count + 1);
            Volatile.Write(ref _rows[row].Last, now);
            if (_isFull)
            {
                SiftDown(_place[row]);
            }
        }
        else if (!_isFull)
        {
            _rowOf.InsertAt(~index, key, _used);
            _rows[_used] = new Row { Key = key, Count = 1, First = now, Last = now };
            Volatile.Write(ref _used, _used + 1);
            if (_used == _rows.Length)
            {
                BuildHeap();
            }
        }
        else
        {
            Replace(key, now);
        }

        if (_total == 0)
        {
            Volatile.Write(ref _first, now);
        }

        Volatile.Write(ref _last, now);
        Volatile.Write(ref _total, _total + 1);
    }

    /// <summary>A picture of it.</summary>
    /// <param name="policy">Whose it is.</param>
    /// <param name="vm">Of which VM.</param>
    /// <param name="most">How many keys at most.</param>
    public CountSummary Summarise(string policy, string vm, int most)
    {
        var used = Volatile.Read(ref _used);
        var keys = new List<KeyCount>(used);
        for (var row = 0; row < used; row++)
        {
            keys.Add(Read(ref _rows[row]));
        }

        // Keys break ties, so that equal pictures read alike.
        keys.Sort(static (left, right) => left.Count != right.Count ? right.Count.CompareTo(left.Count) : left.Key.CompareTo(right.Key));
        var elapsed = TimeSpan.FromTicks(Math.Max(0, Volatile.Read(ref _last) - Volatile.Read(ref _first)));
        return new CountSummary(policy, vm, Name, Total, used, Volatile.Read(ref _floor), elapsed, keys.Count > most ? keys[..most] : keys);
    }

    private static KeyCount Read(ref Row row)
    {
        var spin = default(SpinWait);
        while (true)
        {
            var before = Volatile.Read(ref row.Version);
            var (key, count, error) = (Volatile.Read(ref row.Key), Volatile.Read(ref row.Count), Volatile.Read(ref row.Error));
            var (first, last) = (Volatile.Read(ref row.First), Volatile.Read(ref row.Last));
            Interlocked.MemoryBarrier();
            if (before % 2 == 0 && Volatile.Read(ref row.Version) == before)
            {
                return new KeyCount(key, count, error, At(first), At(last));
            }

            spin.SpinOnce();
        }
    }

    private static DateTimeOffset At(long ticks) => new(ticks, TimeSpan.Zero);

    private void Replace(ulong key, long now)
    {
        var row = _heap[0];
        ref var place = ref _rows[row];
        _rowOf.Remove(place.Key);
        _rowOf.InsertAt(~_rowOf.Find(key), key, row);
        place.Version++;
        Interlocked.MemoryBarrier();
        place.Key = key;
        place.Error = place.Count;
        place.Count++;
        place.First = now;
        place.Last = now;
        Volatile.Write(ref place.Version, place.Version + 1);
        Volatile.Write(ref _floor, place.Error);
        SiftDown(0);
    }

    private void BuildHeap()
    {
        _isFull = true;
        for (var i = 0; i < _heap.Length; i++)
        {
            _heap[i] = i;
            _place[i] = i;
        }

        for (var i = (_heap.Length / 2) - 1; i >= 0; i--)
        {
            SiftDown(i);
        }
    }

    private void SiftDown(int at)
    {
        var row = _heap[at];
        var count = _rows[row].Count;
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= _heap.Length)
            {
                break;
            }

            if (child + 1 < _heap.Length && _rows[_heap[child + 1]].Count < _rows[_heap[child]].Count)
            {
                child++;
            }

            if (_rows[_heap[child]].Count >= count)
            {
                break;
            }

            _heap[at] = _heap[child];
            _place[_heap[at]] = at;
            at = child;
        }

        _heap[at] = row;
        _place[row] = at;
    }

    private struct Row
    {
        public long Version;
        public ulong Key;
        public long Count;
        public long Error;
        public long First;
        public long Last;
    }
}
