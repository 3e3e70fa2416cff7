using Kvmi.Session.Faults;

namespace Kvmi.Session.Tests.Faults;

public class FaultInjectionTests
{
    [Fact]
    public void The_same_seed_hits_the_same_opportunities_and_other_seeds_and_names_others()
    {
        var first = Draw("timeout", 0.3, 7);
        Assert.Equal(first, Draw("timeout", 0.3, 7));
        Assert.NotEqual(first, Draw("timeout", 0.3, 8));
        Assert.NotEqual(first, Draw("exception", 0.3, 7));
    }

    [Theory]
    [InlineData(0.001)]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.99)]
    public void The_rate_is_a_probability_at_each_opportunity(double rate)
    {
        const int Count = 200_000;
        var fault = new FaultInjection("gc", rate, 42);
        var hits = Enumerable.Range(0, Count).Count(_ => fault.Strikes());
        Assert.Equal((Count, hits), (fault.Opportunities, fault.Injected));

        // Six standard deviations; with a fixed seed the outcome is fixed too.
        Assert.InRange(hits, (Count * rate) - (6 * Math.Sqrt(Count * rate * (1 - rate))), (Count * rate) + (6 * Math.Sqrt(Count * rate * (1 - rate))));
    }

    [Fact]
    public void A_rate_of_one_hits_every_time_and_what_is_no_probability_is_refused()
    {
        Assert.All(Draw("oom", 1, 3), Assert.True);
        foreach (var rate in new[] { 0, -0.1, 1.0001, double.NaN })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new FaultInjection("oom", rate, 3));
        }
    }

    [Fact]
    public async Task Several_threads_share_the_opportunities_and_the_count_of_faults_is_the_same()
    {
        var alone = new FaultInjection("gc", 0.25, 9);
        var shared = new FaultInjection("gc", 0.25, 9);
        for (var i = 0; i < 40_000; i++)
        {
            alone.Strikes();
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                shared.Strikes();
            }
        })));
        Assert.Equal((alone.Opportunities, alone.Injected), (shared.Opportunities, shared.Injected));
    }

    [Fact]
    public void Asking_allocates_nothing()
    {
        var fault = new FaultInjection("gc", 0.5, 9);
        fault.Strikes();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            fault.Strikes();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static bool[] Draw(string name, double rate, ulong seed)
    {
        var fault = new FaultInjection(name, rate, seed);
        return [.. Enumerable.Range(0, 500).Select(_ => fault.Strikes())];
    }
}
