namespace Kvmi.Policy.Engine.Summary;

/// <summary>
/// What one instance of a policy adds to the policy's counters. Only the VM's owner thread counts, so an addition is an ordinary one, and two
/// VMs never write to the same memory. Any thread reads.
/// </summary>
internal sealed class PolicyTally
{
    private const int Kinds = (int)DecisionKind.Crash + 1;
    private readonly PolicyStatistics _statistics;
    private readonly long[] _votes = new long[2 * Kinds];

    // Made at the first event: most policies of a large set see none on most VMs.
    private long[]? _buckets;
    private long _max;

    public PolicyTally(PolicyStatistics statistics) => _statistics = statistics;

    /// <summary>Votes by kind.</summary>
    public long Votes(DecisionKind kind, bool audit) => Volatile.Read(ref _votes[Index(kind, audit)]);

    /// <summary>Counts a vote.</summary>
    public void Count(DecisionKind kind, bool audit)
    {
        ref var votes = ref _votes[Index(kind, audit)];
        Volatile.Write(ref votes, votes + 1);
    }

    /// <summary>Records the time of one event, in nanoseconds.</summary>
    public void Record(long nanoseconds)
    {
        nanoseconds = LatencyHistogram.Clamp(nanoseconds);
        var buckets = _buckets ?? NewBuckets();
        ref var bucket = ref buckets[LatencyHistogram.BucketOf(nanoseconds)];
        Volatile.Write(ref bucket, bucket + 1);
        if (nanoseconds > _max)
        {
            Volatile.Write(ref _max, nanoseconds);
        }
    }

    /// <summary>Adds the recorded times to a histogram.</summary>
    public void AddTo(LatencyHistogram histogram) => histogram.Add(Volatile.Read(ref _buckets), Volatile.Read(ref _max));

    /// <summary>The instance sees no further event: its counts become the policy's own. Nothing may be counted afterwards.</summary>
    public void Close() => _statistics.Close(this);

    private static int Index(DecisionKind kind, bool audit) => (audit ? Kinds : 0) + (int)kind;

    private long[] NewBuckets()
    {
        var buckets = new long[LatencyHistogram.BucketCount];
        Volatile.Write(ref _buckets, buckets);
        return buckets;
    }
}
