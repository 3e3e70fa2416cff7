namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>One VM's way to a map that several VMs share; as <see cref="SharedSet{T}"/>.</summary>
internal sealed class SharedMap<TKey, TValue> : IBoundedMap<TKey, TValue>
    where TKey : unmanaged, IEquatable<TKey>
    where TValue : unmanaged
{
    private readonly BoundedMap<TKey, TValue> _map;
    private readonly ForeignCode _foreign;

    public SharedMap(BoundedMap<TKey, TValue> map, ForeignCode foreign)
    {
        _map = map;
        _foreign = foreign;
    }

    public int Count => _map.Count;

    public int Capacity => _map.Capacity;

    public long Overflowed => _map.Overflowed;

    public bool TrySet(TKey key, TValue value)
    {
        using var custody = _foreign.Enter();
        return _map.TrySet(key, value);
    }

    public bool TryGet(TKey key, out TValue value)
    {
        using var custody = _foreign.Enter();
        return _map.TryGet(key, out value);
    }

    public bool Remove(TKey key)
    {
        using var custody = _foreign.Enter();
        return _map.Remove(key);
    }
}
