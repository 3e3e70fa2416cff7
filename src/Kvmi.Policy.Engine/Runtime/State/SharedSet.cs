namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>
/// One VM's way to a set that several VMs share. It is used in the engine's custody: a thread that was lost must not change what other VMs
/// see, and none may be lost while it holds the gate.
/// </summary>
internal sealed class SharedSet<T> : IBoundedSet<T>
    where T : unmanaged, IEquatable<T>
{
    private readonly BoundedSet<T> _set;
    private readonly ForeignCode _foreign;

    public SharedSet(BoundedSet<T> set, ForeignCode foreign)
    {
        _set = set;
        _foreign = foreign;
    }

    public int Count => _set.Count;

    public int Capacity => _set.Capacity;

    public long Overflowed => _set.Overflowed;

    public bool Add(T value)
    {
        using var custody = _foreign.Enter();
        return _set.Add(value);
    }

    public bool Remove(T value)
    {
        using var custody = _foreign.Enter();
        return _set.Remove(value);
    }

    public bool Contains(T value)
    {
        using var custody = _foreign.Enter();
        return _set.Contains(value);
    }
}
