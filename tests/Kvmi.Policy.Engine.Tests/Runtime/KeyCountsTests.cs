using Kvmi.Policy.Engine.Runtime.Services;
using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Engine.Tests.Runtime;

/// <summary>Histograms: exact while there is room, then within the error that they state.</summary>
public class KeyCountsTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Below_its_room_each_count_is_exact_and_says_when()
    {
        var clock = new Clock();
        var counts = new KeyCounts("k", 7, clock, 8);
        foreach (ulong key in (ulong[])[3, 1, 3, 3, ulong.MaxValue, 1, 0])
        {
            counts.Add(key);
            clock.UtcNow += TimeSpan.FromSeconds(1);
        }

        var summary = counts.Summarise("p", "vm", 100);
        Assert.Equal(("p", "vm", "k", 7, 4, 0, 6.0), (summary.Policy, summary.Vm, summary.Name, summary.Total, summary.Keys, summary.MaxError, summary.Elapsed.TotalSeconds));
        Assert.Equal(
            [new KeyCount(3, 3, 0, Start, Start.AddSeconds(3)), new(1, 2, 0, Start.AddSeconds(1), Start.AddSeconds(5)), new(0, 1, 0, Start.AddSeconds(6), Start.AddSeconds(6)),
             new(ulong.MaxValue, 1, 0, Start.AddSeconds(4), Start.AddSeconds(4))],
            summary.Top);
        Assert.Equal([3UL], counts.Summarise("p", "vm", 1).Top.Select(row => row.Key));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(256)]
    public void Above_it_no_count_leaves_its_bounds_and_no_frequent_key_is_missing(int capacity)
    {
        var random = new Random(capacity);
        for (var round = 0; round < 20; round++)
        {
            var counts = new KeyCounts("k", (ulong)random.NextInt64(), new Clock(), capacity);
            var real = new Dictionary<ulong, long>();
            for (var i = 0; i < 5000; i++)
            {
                // A few keys are frequent, most are rare.
                var key = (ulong)Math.Pow(random.NextDouble() * 8, 4);
                counts.Add(key);
                real[key] = real.GetValueOrDefault(key) + 1;
            }

            var summary = counts.Summarise("p", "vm", capacity);
            Assert.Equal(5000, summary.Total);
            Assert.Equal(Math.Min(real.Count, capacity), summary.Keys);
            Assert.Equal(summary.Keys, summary.Top.Select(row => row.Key).Distinct().Count());
            Assert.All(summary.Top, row => Assert.InRange(real.GetValueOrDefault(row.Key), row.Count - row.Error, row.Count));
            Assert.All(summary.Top, row => Assert.InRange(row.Error, 0, summary.MaxError));
            Assert.InRange(summary.MaxError, 0, 5000 / capacity);
            Assert.All(real.Where(pair => pair.Value > summary.MaxError), pair => Assert.Contains(summary.Top, row => row.Key == pair.Key));
            Assert.Equal(summary.Top.OrderByDescending(row => row.Count).Select(row => row.Count), summary.Top.Select(row => row.Count));
        }
    }

    [Fact]
    public void Adding_allocates_nothing_before_and_after_it_is_full()
    {
        var counts = new KeyCounts("k", 1, new Clock(), 64);
        for (ulong i = 0; i < 200; i++)
        {
            counts.Add(i % 100);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (ulong i = 0; i < 10_000; i++)
        {
            counts.Add(i % 150);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task A_reader_beside_the_writer_sees_whole_rows()
    {
        var counts = new KeyCounts("k", 1, new Clock(), 4);
        using var stop = new CancellationTokenSource();
        var writer = Task.Run(
            () =>
            {
                for (ulong i = 0; !stop.IsCancellationRequested; i++)
                {
                    counts.Add(i);
                }
            },
            TestContext.Current.CancellationToken);
        for (var i = 0; i < 20_000; i++)
        {
            foreach (var row in counts.Summarise("p", "vm", 4).Top)
            {
                // No key comes twice: the count is its possible error and 1.
                Assert.Equal(row.Error + 1, row.Count);
            }
        }

        await stop.CancelAsync();
        await writer;
    }

    private sealed class Clock : IPolicyClock
    {
        public DateTimeOffset UtcNow { get; set; } = Start;

        public TimeSpan SinceAttach => UtcNow - Start;
    }
}
