using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Runtime.State;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

/// <summary>state.scope: vcpu.</summary>
public sealed class VcpuStateTests
{
    [Fact]
    public void Each_vcpu_has_its_own_and_one_that_comes_later_gets_its_own_too()
    {
        using var bench = new EngineBench(new FakeVm(vcpus: 2));
        IBoundedSet<ulong>? seen = null;
        bench.Load(Loaded(Counting(), services =>
        {
            seen = services.State.Set<ulong>("seen", 4);
            return [Handler(e => seen.Add(e.New) ? Decision.Allow : Decision.Keep(e.Old))];
        }));
        bench.Attach();

        Assert.Equal(
            [DecisionKind.Allow, DecisionKind.Keep, DecisionKind.Allow, DecisionKind.Keep, DecisionKind.Allow],
            ((ushort[])[0, 0, 1, 1, 7]).Select(vcpu =>
            {
                bench.Send(EventBody.Cr(3, 1, 0x2000), vcpu);
                return bench.Handler.LastOutcome.Decision;
            }));

        // Between events: sums, and a reason for everything else.
        Assert.Equal((3, 4, 0L), (seen!.Count, seen.Capacity, seen.Overflowed));
        Assert.Contains("no event is being decided", Assert.Throws<InvalidOperationException>(() => seen.Contains(1)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => seen.Add(1));
    }

    [Fact]
    public void A_map_counts_and_overflows_for_its_vcpu()
    {
        using var bench = new EngineBench(new FakeVm(vcpus: 2));
        var counts = new List<(int Vcpu, int Count, long Overflowed, ulong Last)>();
        IBoundedMap<ulong, ulong>? map = null;
        bench.Load(Loaded(Counting(), services =>
        {
            map = services.State.Map<ulong, ulong>("last", 1);
            return
            [
                Handler(e =>
                {
                    map.TrySet(e.New, e.Old);
                    map.TryGet(0x1000, out var last);
                    counts.Add((e.Vcpu, map.Count, map.Overflowed, last));
                    return Decision.Allow;
                }),
            ];
        }));
        bench.Attach();
        bench.Send(EventBody.Cr(3, 5, 0x1000));
        bench.Send(EventBody.Cr(3, 6, 0x2000));
        bench.Send(EventBody.Cr(3, 7, 0x2000), vcpu: 1);

        Assert.Equal([(0, 1, 0L, 5UL), (0, 1, 1L, 5UL), (1, 1, 0L, 0UL)], counts);
        Assert.Equal((2, 1L), (map!.Count, map.Overflowed));
    }

    [Fact]
    public void A_reload_keeps_it_for_each_vcpu_and_another_scope_begins_anew()
    {
        using var bench = new EngineBench(new FakeVm(vcpus: 2));
        IBoundedSet<ulong>? seen = null;
        Func<IPolicyServices, Delegate?[]> WithCapacity(long capacity) => services =>
        {
            seen = services.State.Set<ulong>("seen", capacity);
            return [Handler(e => seen.Add(e.New) ? Decision.Allow : Decision.Keep(e.Old))];
        };

        bench.Load(Loaded(Counting(), WithCapacity(4)));
        bench.Attach();
        bench.Send(EventBody.Cr(3, 1, 0x2000), vcpu: 1);
        bench.Load(Loaded(Counting(), WithCapacity(8)));
        bench.Send(EventBody.Cr(3, 1, 0x2000), vcpu: 0);
        Assert.Equal(DecisionKind.Allow, bench.Handler.LastOutcome.Decision);
        bench.Send(EventBody.Cr(3, 1, 0x2000), vcpu: 1);
        Assert.Equal(DecisionKind.Keep, bench.Handler.LastOutcome.Decision);

        bench.Load(Loaded(Counting() with { State = new(PolicyStateScope.Vm, KeepOnReload: true) }, WithCapacity(8)));
        bench.Send(EventBody.Cr(3, 1, 0x2000), vcpu: 1);
        Assert.Equal(DecisionKind.Allow, bench.Handler.LastOutcome.Decision);
    }

    [Fact]
    public void A_collection_that_is_too_large_for_every_vcpu_is_refused_with_the_bound()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Counting(), services =>
        {
            services.State.Set<ulong>("seen", PerVcpu<BoundedSet<ulong>>.MaxCapacity + 1L);
            return [null];
        }));
        bench.Attach();
        Assert.Contains("a capacity of 1 to 65536, for each vCPU", Assert.Single(bench.Statuses("refused")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_event_of_a_vcpu_that_was_there_allocates_nothing_for_it()
    {
        using var bench = new EngineBench(new FakeVm(vcpus: 2));
        bench.Load(Loaded(Counting(), services =>
        {
            var seen = services.State.Set<ulong>("seen", 4096);
            return [Handler(e => seen.Add(e.New) ? Decision.Allow : Decision.Keep(e.Old))];
        }));
        bench.Attach();
        bench.Vm.Recording = false;
        var before = GC.GetAllocatedBytesForCurrentThread();
        AllocationTests.AssertNoAllocation(bench, EventBody.Cr(3, 1, 0x2000));

        // The first events too: a table of 4,096 numbers would be far more.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    private static PolicyDefinition Counting() =>
        Define("p", OnCr3) with { State = new(PolicyStateScope.Vcpu, KeepOnReload: true) };

    private static PolicyHandler<CrEvent> Handler(Func<CrEventFacts, Decision> decide) => e => decide(new CrEventFacts(e.Vcpu, e.Old, e.New));

    private readonly record struct CrEventFacts(int Vcpu, ulong Old, ulong New);
}
