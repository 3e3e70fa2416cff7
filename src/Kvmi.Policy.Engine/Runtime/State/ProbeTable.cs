using System.Numerics;

namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>
/// The keys of a bounded collection: linear probing, at most half full, all memory taken at creation. Removal moves later
/// keys back, so there are no tombstones and the cost never grows with age.
/// </summary>
internal sealed class ProbeTable<TKey, TValue>
    where TKey : unmanaged, IEquatable<TKey>
    where TValue : unmanaged
{
    private readonly Slot[] _slots;
    private readonly int _mask;
    private readonly int _shift;
    private readonly ulong _seed;

    public ProbeTable(int capacity, ulong seed)
    {
        Capacity = capacity;
        _seed = seed;
        var bits = Math.Max(2, BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)capacity * 2)));
        _slots = new Slot[1 << bits];
        _mask = _slots.Length - 1;
        _shift = 64 - bits;
    }

    public int Capacity { get; }

    public int Count { get; private set; }

    public bool IsFull => Count >= Capacity;

    /// <summary>Index of a key, or the complement of the free index where it would go.</summary>
    public int Find(TKey key)
    {
        var index = Home(key);
        while (_slots[index].Used)
        {
            if (_slots[index].Key.Equals(key))
            {
                return index;
            }

            index = (index + 1) & _mask;
        }

        return ~index;
    }

    public TValue ValueAt(int index) => _slots[index].Value;

    public void SetValueAt(int index, TValue value) => _slots[index].Value = value;

    /// <summary>Puts a new key at the place that <see cref="Find"/> gave as a complement.</summary>
    public void InsertAt(int index, TKey key, TValue value)
    {
        _slots[index] = new Slot { Used = true, Key = key, Value = value };
        Count++;
    }

    /// <summary>Removes a key.</summary>
    /// <returns>False when it was not there.</returns>
    public bool Remove(TKey key)
    {
        var index = Find(key);
        if (index < 0)
        {
            return false;
        }

        RemoveAt(index);
        return true;
    }

    /// <summary>Copies entries of another table until this one is full.</summary>
    public void CopyFrom(ProbeTable<TKey, TValue> other)
    {
        foreach (ref readonly var slot in other._slots.AsSpan())
        {
            if (slot.Used && !IsFull)
            {
                InsertAt(~Find(slot.Key), slot.Key, slot.Value);
            }
        }
    }

    private void RemoveAt(int index)
    {
        Count--;
        var hole = index;
        var next = (index + 1) & _mask;
        while (_slots[next].Used)
        {
            // A key may move back to the hole only if its home does not lie between the hole and its place.
            var home = Home(_slots[next].Key);
            if (((next - home) & _mask) >= ((next - hole) & _mask))
            {
                _slots[hole] = _slots[next];
                hole = next;
            }

            next = (next + 1) & _mask;
        }

        _slots[hole] = default;
    }

    private int Home(TKey key) => (int)(StateHash.Of(key, _seed) >> _shift);

    private struct Slot
    {
        public bool Used;
        public TKey Key;
        public TValue Value;
    }
}
