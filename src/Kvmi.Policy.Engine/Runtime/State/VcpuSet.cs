namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>The set of the vCPU whose event is being decided; between events its numbers are those of all vCPUs.</summary>
internal sealed class VcpuSet<T> : IBoundedSet<T>
    where T : unmanaged, IEquatable<T>
{
    private readonly PerVcpu<BoundedSet<T>> _sets;
    private readonly VcpuNow _now;

    public VcpuSet(PerVcpu<BoundedSet<T>> sets, VcpuNow now)
    {
        _sets = sets;
        _now = now;
    }

    public int Count => _now.IsKnown ? Own.Count : _sets.Made.Sum(set => set.Count);

    public int Capacity => _sets.Capacity;

    public long Overflowed => _now.IsKnown ? Own.Overflowed : _sets.Made.Sum(set => set.Overflowed);

    private BoundedSet<T> Own => _sets.Of(_now.Vcpu);

    public bool Add(T value) => Own.Add(value);

    public bool Remove(T value) => Own.Remove(value);

    public bool Contains(T value) => Own.Contains(value);
}
