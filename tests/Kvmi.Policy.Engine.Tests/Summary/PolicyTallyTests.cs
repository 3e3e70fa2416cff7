using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Engine.Tests.Summary;

public class PolicyTallyTests
{
    private const int Counts = 20_000;

    [Fact]
    public void Instances_count_for_themselves_and_the_policy_has_the_sum()
    {
        var statistics = new PolicyStatistics("p");
        var first = statistics.OpenTally();
        var second = statistics.OpenTally();
        first.Count(DecisionKind.Allow, audit: false);
        first.Count(DecisionKind.Keep, audit: true);
        first.Record(1_000);
        second.Count(DecisionKind.Allow, audit: false);
        second.Record(9_000_000);
        AssertSum();

        // Closed or not makes no difference, nor does closing again.
        first.Close();
        first.Close();
        AssertSum();
        second.Close();
        AssertSum();

        void AssertSum()
        {
            Assert.Equal((3, 2, 1), (statistics.Events, statistics.Decisions(DecisionKind.Allow), statistics.WouldHave(DecisionKind.Keep)));
            Assert.Equal(0, statistics.Decisions(DecisionKind.Keep));
            Assert.Equal((2, 9_000_000), (statistics.Latency.Count, statistics.Latency.Max));
        }
    }

    [Fact]
    public async Task Nothing_is_lost_or_counted_twice_while_instances_come_and_go()
    {
        const int Generations = 50;
        var statistics = new PolicyStatistics("p");
        using var end = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            var last = 0L;
            while (!end.IsCancellationRequested)
            {
                var seen = statistics.Decisions(DecisionKind.Allow);
                Assert.True(seen >= last, $"{seen} after {last}");
                last = seen;
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            for (var generation = 0; generation < Generations; generation++)
            {
                var tally = statistics.OpenTally();
                for (var i = 0; i < Counts / Generations; i++)
                {
                    tally.Count(DecisionKind.Allow, audit: false);
                    tally.Record(i);
                }

                tally.Close();
            }
        })));
        await end.CancelAsync();
        await reader;
        Assert.Equal(3 * Counts, statistics.Events);
        Assert.Equal(3 * Counts, statistics.Latency.Count);
    }
}
