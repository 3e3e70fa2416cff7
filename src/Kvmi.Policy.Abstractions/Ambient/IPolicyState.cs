namespace Kvmi.Policy;

/// <summary>
/// Named, bounded collections. Scope (VM or policy) and life (kept or dropped on reload) stand in the declaration.
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
