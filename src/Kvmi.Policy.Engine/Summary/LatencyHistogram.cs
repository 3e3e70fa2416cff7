using System.Numerics;

namespace Kvmi.Policy.Engine.Summary;

/// <summary>
/// Times in nanoseconds in buckets of one sixteenth of a power of two: quantiles within 6.25 %. Recording is safe from any
/// thread and never allocates or locks.
/// </summary>
public sealed class LatencyHistogram
{
    private const int SubBits = 4;
    private const int SubBuckets = 1 << SubBits;
    private const int MaxExponent = 40;

    /// <summary>Number of buckets.</summary>
    internal const int BucketCount = (MaxExponent + 2) * SubBuckets;

    private readonly long[] _buckets = new long[BucketCount];
    private long _max;

    /// <summary>Number of recorded times.</summary>
    public long Count
    {
        get
        {
            // Counted here and not at every event: an interlocked addition less for each policy.
            long count = 0;
            foreach (ref readonly var bucket in _buckets.AsSpan())
            {
                count += Volatile.Read(in bucket);
            }

            return count;
        }
    }

    /// <summary>Longest recorded time in nanoseconds.</summary>
    public long Max => Volatile.Read(ref _max);

    /// <summary>Records a time.</summary>
    /// <param name="nanoseconds">Negative times count as 0, times over 18 minutes as 18 minutes.</param>
    public void Record(long nanoseconds)
    {
        nanoseconds = Clamp(nanoseconds);
        Interlocked.Increment(ref _buckets[BucketOf(nanoseconds)]);
        RaiseMax(nanoseconds);
    }

    /// <summary>The time that <paramref name="quantile"/> of all recorded times do not exceed, in nanoseconds; 0 when there are none.</summary>
    /// <param name="quantile">0 to 1.</param>
    public long Quantile(double quantile)
    {
        var count = Count;
        if (count == 0)
        {
            return 0;
        }

        var rank = Math.Max(1, (long)Math.Ceiling(quantile * count));
        long seen = 0;
        for (var i = 0; i < _buckets.Length; i++)
        {
            seen += Volatile.Read(ref _buckets[i]);
            if (seen >= rank)
            {
                return Math.Min(UpperBound(i), Max);
            }
        }

        return Max;
    }

    /// <summary>
    /// How many recorded times do not exceed each bound, as a cumulative histogram has it. A bound is taken at the edge of a bucket, so
    /// that times up to 6.25 % below a bound may count above it.
    /// </summary>
    /// <param name="bounds">Bounds in nanoseconds, rising.</param>
    /// <param name="counts">Filled; as long as <paramref name="bounds"/>.</param>
    /// <returns>
    /// Number and sum of all times in nanoseconds, taken from the same look at the buckets, so that no count exceeds the number. The sum is
    /// made from the middles of the buckets: within 3.2 %.
    /// </returns>
    /// <exception cref="ArgumentException">The two differ in length.</exception>
    public (long Count, double Sum) Accumulate(ReadOnlySpan<long> bounds, Span<long> counts)
    {
        if (bounds.Length != counts.Length)
        {
            throw new ArgumentException("There has to be one count for each bound.", nameof(counts));
        }

        long total = 0;
        double sum = 0;
        var next = 0;
        for (var i = 0; i < _buckets.Length; i++)
        {
            var upper = UpperBound(i);
            while (next < bounds.Length && bounds[next] < upper)
            {
                counts[next++] = total;
            }

            var count = Volatile.Read(ref _buckets[i]);
            total += count;
            sum += count * ((double)upper + (i == 0 ? 0 : UpperBound(i - 1) + 1)) / 2;
        }

        counts[next..].Fill(total);
        return (total, sum);
    }

    /// <summary>Brings a time into the range that has buckets.</summary>
    internal static long Clamp(long nanoseconds) => Math.Clamp(nanoseconds, 0, (1L << MaxExponent) - 1);

    /// <summary>Adds what was counted elsewhere with the same buckets.</summary>
    /// <param name="buckets">The counts; null for none.</param>
    /// <param name="max">The longest time among them.</param>
    internal void Add(long[]? buckets, long max)
    {
        for (var i = 0; i < buckets?.Length; i++)
        {
            Interlocked.Add(ref _buckets[i], Volatile.Read(ref buckets[i]));
        }

        RaiseMax(max);
    }

    /// <summary>Adds another histogram.</summary>
    internal void Add(LatencyHistogram other) => Add(other._buckets, other.Max);

    private void RaiseMax(long nanoseconds)
    {
        var max = Volatile.Read(ref _max);
        while (nanoseconds > max)
        {
            var seen = Interlocked.CompareExchange(ref _max, nanoseconds, max);
            if (seen == max)
            {
                break;
            }

            max = seen;
        }
    }

    /// <summary>The bucket of a time that <see cref="Clamp"/> has brought into range.</summary>
    internal static int BucketOf(long value)
    {
        if (value < SubBuckets)
        {
            return (int)value;
        }

        var exponent = BitOperations.Log2((ulong)value) - SubBits;
        return ((exponent + 1) << SubBits) + (int)((value >> exponent) & (SubBuckets - 1));
    }

    private static long UpperBound(int bucket)
    {
        if (bucket < SubBuckets)
        {
            return bucket;
        }

        var exponent = (bucket >> SubBits) - 1;
        var sub = bucket & (SubBuckets - 1);
        return ((SubBuckets + sub + 1L) << exponent) - 1;
    }
}
