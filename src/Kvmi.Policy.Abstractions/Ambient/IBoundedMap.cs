namespace Kvmi.Policy;

/// <summary>A map with an upper bound that never allocates after its creation.</summary>
/// <typeparam name="TKey">A value type without references.</typeparam>
/// <typeparam name="TValue">A value type without references.</typeparam>
public interface IBoundedMap<TKey, TValue>
    where TKey : unmanaged, IEquatable<TKey>
    where TValue : unmanaged
{
    /// <summary>Number of entries.</summary>
    int Count { get; }

    /// <summary>Largest number of entries.</summary>
    int Capacity { get; }

    /// <summary>Sets the value of a key; false when the key is new and the map is full.</summary>
    bool TrySet(TKey key, TValue value);

    /// <summary>Finds the value of a key.</summary>
    bool TryGet(TKey key, out TValue value);

    /// <summary>Removes a key; false when it was not there.</summary>
    bool Remove(TKey key);

    /// <summary>How many additions the bound refused.</summary>
    long Overflowed { get; }
}
