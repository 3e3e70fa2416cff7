using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Engine.Tests.Summary;

public sealed class CumulativeHistogramTests
{
    private static readonly long[] Bounds = [0, 15, 1_000, 50_000, 1_000_000, 1_000_000_000_000];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Counts_rise_and_agree_with_the_times_within_the_buckets_width(int seed)
    {
        var random = new Random(seed);
        var histogram = new LatencyHistogram();
        var times = Enumerable.Range(0, 5_000).Select(_ => (long)Math.Pow(2, random.NextDouble() * 30)).ToArray();
        foreach (var time in times)
        {
            histogram.Record(time);
        }

        var counts = new long[Bounds.Length];
        var (count, sum) = histogram.Accumulate(Bounds, counts);
        Assert.Equal(times.Length, count);
        Assert.InRange(sum, times.Sum() * 0.967, times.Sum() * 1.033);
        for (var i = 0; i < Bounds.Length; i++)
        {
            Assert.InRange(counts[i], times.Count(time => time <= Bounds[i] * 0.9374), times.Count(time => time <= Bounds[i]));
            Assert.True(i == 0 || counts[i] >= counts[i - 1]);
        }

        Assert.Equal(count, counts[^1]);
    }

    [Fact]
    public void Bounds_and_counts_have_to_agree() =>
        Assert.Throws<ArgumentException>(() => new LatencyHistogram().Accumulate(Bounds, new long[1]));
}
