namespace Kvmi.Policy;

/// <summary>A set with an upper bound that never allocates after its creation.</summary>
/// <typeparam name="T">A value type without references.</typeparam>
public interface IBoundedSet<T>
    where T : unmanaged, IEquatable<T>
{
    /// <summary>Number of values.</summary>
    int Count { get; }

    /// <summary>Largest number of values.</summary>
    int Capacity { get; }

    /// <summary>Adds a value.</summary>
    /// <returns>False when it was there already, or when the set is full (then <see cref="Overflowed"/> counts it).</returns>
    bool Add(T value);

    /// <summary>Removes a value; false when it was not there.</summary>
    bool Remove(T value);

    /// <summary>Is the value there?</summary>
    bool Contains(T value);

    /// <summary>How many additions the bound refused.</summary>
    long Overflowed { get; }
}
