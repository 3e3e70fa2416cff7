using System.Numerics;

namespace Kvmi.Session.Deadlines;

/// <summary>Times in buckets of one eighth of a power of two of microseconds: quantiles within 12.5 %. One thread writes, any reads.</summary>
internal sealed class LatenessHistogram
{
    private const int SubBits = 3;
    private const int SubBuckets = 1 << SubBits;
    private const int MaxExponent = 34;
    private readonly long[] _buckets = new long[(MaxExponent + 2) * SubBuckets];
    private long _max;

    /// <summary>The longest time.</summary>
    public TimeSpan Max => TimeSpan.FromMicroseconds(Volatile.Read(ref _max));

    /// <summary>Adds a time.</summary>
    public void Add(TimeSpan time)
    {
        var value = (long)Math.Clamp(time.TotalMicroseconds, 0, 1L << MaxExponent);
        ref var bucket = ref _buckets[BucketOf(value)];
        Volatile.Write(ref bucket, bucket + 1);
        if (value > _max)
        {
            Volatile.Write(ref _max, value);
        }
    }

    /// <summary>The time that <paramref name="quantile"/> of all times do not exceed; zero when there are none.</summary>
    public TimeSpan Quantile(double quantile)
    {
        long count = 0;
        foreach (ref var bucket in _buckets.AsSpan())
        {
            count += Volatile.Read(ref bucket);
        }

        var rank = (long)Math.Ceiling(quantile * count);
        for (var i = 0; i < _buckets.Length && count > 0; i++)
        {
            rank -= Volatile.Read(ref _buckets[i]);
            if (rank <= 0)
            {
                return TimeSpan.FromMicroseconds(Math.Min(UpperBound(i), Volatile.Read(ref _max)));
            }
        }

        return Max;
    }

    private static int BucketOf(long value)
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
        return ((SubBuckets + (bucket & (SubBuckets - 1)) + 1L) << exponent) - 1;
    }
}
