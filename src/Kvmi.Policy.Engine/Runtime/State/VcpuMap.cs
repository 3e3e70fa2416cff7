namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>The map of the vCPU whose event is being decided; as <see cref="VcpuSet{T}"/>.</summary>
internal sealed class VcpuMap<TKey, TValue> : IBoundedMap<TKey, TValue>
    where TKey : unmanaged, IEquatable<TKey>
    where TValue : unmanaged
{
    private readonly PerVcpu<BoundedMap<TKey, TValue>> _maps;
    private readonly VcpuNow _now;

    public VcpuMap(PerVcpu<BoundedMap<TKey, TValue>> maps, VcpuNow now)
    {
        _maps = maps;
        _now = now;
    }

    public int Count => _now.IsKnown ? Own.Count : _maps.Made.Sum(map => map.Count);

    public int Capacity => _maps.Capacity;

    public long Overflowed => _now.IsKnown ? Own.Overflowed : _maps.Made.Sum(map => map.Overflowed);

    private BoundedMap<TKey, TValue> Own => _maps.Of(_now.Vcpu);

    public bool TrySet(TKey key, TValue value) => Own.TrySet(key, value);

    public bool TryGet(TKey key, out TValue value) => Own.TryGet(key, out value);

    public bool Remove(TKey key) => Own.Remove(key);
}
