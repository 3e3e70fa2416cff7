namespace Kvmi.Policy;

/// <summary>
/// Named, bounded collections. Scope (VM, vCPU or policy) and life (kept or dropped on reload) stand in the declaration.
/// With scope <c>vcpu</c> each vCPU has collections of its own, of at most 65,536 entries: a handler sees those of its event's vCPU, and outside of
/// handlers only Count, Capacity and Overflowed can be asked for, the first and the last as sums over all vCPUs.
/// Get them once, at the top of the script. A name that is used again with another type or capacity throws
/// <see cref="InvalidOperationException"/>.
/// </summary>
public interface IPolicyState
{
    /// <summary>A set of at most <paramref name="capacity"/> values.</summary>
    IBoundedSet<T> Set<T>(string name, long capacity)
        where T : unmanaged, IEquatable<T>;

    /// <summary>A map of at most <paramref name="capacity"/> entries.</summary>
    IBoundedMap<TKey, TValue> Map<TKey, TValue>(string name, long capacity)
        where TKey : unmanaged, IEquatable<TKey>
        where TValue : unmanaged;
}
