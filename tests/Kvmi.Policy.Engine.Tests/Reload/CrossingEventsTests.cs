using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Deadlines;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>A reload between the events of two vCPUs that wait at the same time: the one is the old generation's, the other the new one's.</summary>
public sealed class CrossingEventsTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public async Task Each_event_is_decided_once_and_by_one_generation(ushort first, ushort second)
    {
        var old = new CodeLife();
        var votes = new Kvmi.Policy.Engine.Summary.PolicyStatistics("p");
        await using var bench = new DeadlineBench(Make(1, old, votes, 0x7001), eventTimeout: Long) { Unanswered = CommandKind.ReadPhysical };
        bench.Attach(vcpus: 2);
        bench.Send(first, Write);
        bench.Send(second, Write);

        // The first handler waits for memory; the second event is there, and waits behind it.
        bench.CarryOutUntil(() => bench.Open is not null);
        var next = new CodeLife();
        bench.Swap(Make(2, next, votes, 0x7002));
        Assert.False(old.Disposed);
        bench.Peer.Reply(bench.Open!.Value, new byte[512]);
        Assert.Equal((1u, first, EventAction.Continue, 0x7001ul), bench.Reply());

        // The new generation is taken over before the second event; its own handler asks, too.
        bench.Unanswered = null;
        Assert.Equal((2u, second, EventAction.Continue, 0x7002ul), bench.Reply());
        Assert.True(old.Disposed);
        Assert.False(next.Disposed);
        Assert.Equal((2, 2), (Assert.Single(bench.Server.Vms).Counters.Events, bench.Server.Vms[0].Counters.Replies));
        Assert.Equal(2, Assert.Single(bench.Summary.Policies).Decisions[DecisionKind.Set]);

        // Nothing comes twice: the next reply is the one to the next event.
        Assert.Equal((3u, first, EventAction.Continue, 0x7002ul), bench.Ask(first, Write));
        Assert.Equal((4u, second, EventAction.Continue, 0x7002ul), bench.Ask(second, Write));
    }

    [Fact]
    public async Task A_reload_that_takes_the_traps_away_still_answers_what_had_been_trapped()
    {
        var old = new CodeLife();
        await using var bench = new DeadlineBench(Make(1, old, new("p"), 0x7001), eventTimeout: Long) { Unanswered = CommandKind.ReadPhysical };
        bench.Attach(vcpus: 2);
        bench.Send(0, Write);
        bench.Send(1, Write);
        bench.CarryOutUntil(() => bench.Open is not null);
        bench.Swap(new Generation(2, [], new CodeLife()));
        bench.Peer.Reply(bench.Open!.Value, new byte[512]);
        Assert.Equal((1u, (ushort)0, EventAction.Continue, 0x7001ul), bench.Reply());
        Assert.Equal((2u, (ushort)1, EventAction.Continue, 0x2000ul), bench.Reply());
        Assert.True(old.Disposed);
        Assert.Equal(1, bench.Summary.Events);
    }

    private static Generation Make(int number, CodeLife life, Kvmi.Policy.Engine.Summary.PolicyStatistics statistics, ulong value)
    {
        var policy = Loaded(
            Define("p", OnCr3) with { Budget = PolicyBudget.Default with { Timeout = Long } },
            services =>
            {
                PolicyHandler<CrEvent> handler = e =>
                {
                    services.Memory.TryReadPhysical(0x1000, new byte[8]);
                    return Decision.Set(value);
                };
                return [handler];
            });
        return new Generation(number, [policy with { Statistics = statistics }], life);
    }
}
