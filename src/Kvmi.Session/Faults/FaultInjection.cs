namespace Kvmi.Session.Faults;

/// <summary>
/// One kind of fault that is injected on purpose: decides at each opportunity whether it happens, and counts. Whether the n-th opportunity is hit
/// depends on name, rate and seed alone, so a run that offers the same opportunities in the same order gets the same faults. Any thread; never
/// allocates or locks.
/// </summary>
public sealed class FaultInjection
{
    private const ulong Golden = 0x9E3779B97F4A7C15;
    private readonly ulong _start;
    private long _opportunities;
    private long _injected;

    /// <summary>Makes a kind of fault that has not happened yet.</summary>
    /// <param name="name">Its name; kinds with different names and one seed are independent of each other.</param>
    /// <param name="rate">Probability at each opportunity, above 0 and at most 1.</param>
    /// <param name="seed">Seed.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is outside its bounds.</exception>
    public FaultInjection(string name, double rate, ulong seed)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!(rate > 0 && rate <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "A rate is above 0 and at most 1.");
        }

        Name = name;
        Rate = rate;
        _start = seed;
        foreach (var letter in name)
        {
            _start = Mix(_start + Golden + letter);
        }
    }

    /// <summary>Name of the kind.</summary>
    public string Name { get; }

    /// <summary>Probability at each opportunity.</summary>
    public double Rate { get; }

    /// <summary>Opportunities so far.</summary>
    public long Opportunities => Volatile.Read(ref _opportunities);

    /// <summary>Faults so far.</summary>
    public long Injected => Volatile.Read(ref _injected);

    /// <summary>Counts an opportunity.</summary>
    /// <returns>True when the fault happens at this one.</returns>
    public bool Strikes()
    {
        var number = (ulong)Interlocked.Increment(ref _opportunities);
        if ((Mix(_start + (number * Golden)) >> 11) * (1.0 / (1UL << 53)) >= Rate)
        {
            return false;
        }

        Interlocked.Increment(ref _injected);
        return true;
    }

    // The output function of SplitMix64 (Steele, Lea, Flood 2014): of a counter, so that no state is shared but the counter.
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
