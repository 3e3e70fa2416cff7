using Kvmi.Session.Latency;

namespace Kvmi.Session.Tests.Latency;

public class SpinBudgetTests
{
    [Theory]
    [InlineData(1, null, 0)]
    [InlineData(2, null, 1)]
    [InlineData(8, null, 7)]
    [InlineData(8, 2, 2)]
    [InlineData(2, 2, 1)]
    [InlineData(1, 1, 0)]
    public void No_more_threads_spin_than_there_are_processors_for_and_one_is_left(int ofProcess, int? ofOwners, int expected)
    {
        var budget = SpinBudget.For(ofProcess, ofOwners);
        for (var i = 0; i < expected; i++)
        {
            Assert.True(budget.TryEnter());
        }

        Assert.False(budget.TryEnter());
        if (expected > 0)
        {
            budget.Leave();
            Assert.True(budget.TryEnter());
            Assert.False(budget.TryEnter());
        }
    }

    [Fact]
    public void Threads_never_hold_more_places_than_there_are()
    {
        const int Places = 2;
        var budget = new SpinBudget(Places);
        var held = 0;
        var most = 0;
        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                if (budget.TryEnter())
                {
                    InterlockedMax(ref most, Interlocked.Increment(ref held));
                    Interlocked.Decrement(ref held);
                    budget.Leave();
                }
            }
        });
        Assert.InRange(most, 1, Places);
        Assert.True(budget.TryEnter() && budget.TryEnter() && !budget.TryEnter());
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref target)) < value && Interlocked.CompareExchange(ref target, value, seen) != seen)
        {
        }
    }
}
