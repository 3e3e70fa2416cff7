namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>A bounded map; with a gate when VMs share it.</summary>
internal sealed class BoundedMap<TKey, TValue> : IBoundedMap<TKey, TValue>, IStateCollection
    where TKey : unmanaged, IEquatable<TKey>
    where TValue : unmanaged
{
    private readonly ProbeTable<TKey, TValue> _table;
    private readonly Lock? _gate;
    private long _overflowed;

    public BoundedMap(int capacity, ulong seed, bool shared)
    {
        _table = new ProbeTable<TKey, TValue>(capacity, seed);
        _gate = shared ? new Lock() : null;
    }

    public int Count => _table.Count;

    public int Capacity => _table.Capacity;

    public long Overflowed => Volatile.Read(ref _overflowed);

    public string TypeText => $"a Map<{typeof(TKey).Name}, {typeof(TValue).Name}>";

    public bool HoldsCollectibleTypes => typeof(TKey).IsCollectible || typeof(TValue).IsCollectible;

    public bool TrySet(TKey key, TValue value)
    {
        _gate?.Enter();
        try
        {
            var index = _table.Find(key);
            if (index >= 0)
            {
                _table.SetValueAt(index, value);
                return true;
            }

            if (_table.IsFull)
            {
                _overflowed++;
                return false;
            }

            _table.InsertAt(~index, key, value);
            return true;
        }
        finally
        {
            _gate?.Exit();
        }
    }

    public bool TryGet(TKey key, out TValue value)
    {
        _gate?.Enter();
        try
        {
            var index = _table.Find(key);
            value = index < 0 ? default : _table.ValueAt(index);
            return index >= 0;
        }
        finally
        {
            _gate?.Exit();
        }
    }

    public bool Remove(TKey key)
    {
        _gate?.Enter();
        try
        {
            return _table.Remove(key);
        }
        finally
        {
            _gate?.Exit();
        }
    }

    /// <summary>Takes over what fits of an older collection of the same name.</summary>
    public void CopyFrom(BoundedMap<TKey, TValue> other)
    {
        other._gate?.Enter();
        try
        {
            _table.CopyFrom(other._table);
        }
        finally
        {
            other._gate?.Exit();
        }
    }
}
