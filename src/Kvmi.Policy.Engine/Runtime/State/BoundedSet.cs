namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>A bounded set; with a gate when VMs share it.</summary>
internal sealed class BoundedSet<T> : IBoundedSet<T>, IStateCollection
    where T : unmanaged, IEquatable<T>
{
    private readonly ProbeTable<T, byte> _table;
    private readonly Lock? _gate;
    private long _overflowed;

    public BoundedSet(int capacity, ulong seed, bool shared)
    {
        _table = new ProbeTable<T, byte>(capacity, seed);
        _gate = shared ? new Lock() : null;
    }

    public int Count => _table.Count;

    public int Capacity => _table.Capacity;

    public long Overflowed => Volatile.Read(ref _overflowed);

    public string TypeText => $"a Set<{typeof(T).Name}>";

    public bool HoldsCollectibleTypes => typeof(T).IsCollectible;

    public bool Add(T value)
    {
        _gate?.Enter();
        try
        {
            var index = _table.Find(value);
            if (index >= 0)
            {
                return false;
            }

            if (_table.IsFull)
            {
                _overflowed++;
                return false;
            }

            _table.InsertAt(~index, value, 0);
            return true;
        }
        finally
        {
            _gate?.Exit();
        }
    }

    public bool Remove(T value)
    {
        _gate?.Enter();
        try
        {
            return _table.Remove(value);
        }
        finally
        {
            _gate?.Exit();
        }
    }

    public bool Contains(T value)
    {
        _gate?.Enter();
        try
        {
            return _table.Find(value) >= 0;
        }
        finally
        {
            _gate?.Exit();
        }
    }

    /// <summary>Takes over what fits of an older collection of the same name.</summary>
    public void CopyFrom(BoundedSet<T> other)
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
