using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Policy.Testing.Hosting;
using Kvmi.Protocol;

namespace Kvmi.Policy.Plugins.ProcessCensus.Tests;

public sealed class ProcessCensusTests
{
    private static readonly string PolicyFile = Path.Combine(AppContext.BaseDirectory, "process-census.policy.yaml");

    [Fact]
    public void Each_root_is_counted_once_and_every_switch()
    {
        using var host = Start();
        foreach (var root in new ulong[] { 0x1000, 0x2000, 0x1000, 0x3000, 0x1000 })
        {
            var answer = host.Send(TestEvent.Cr(3, old: 0x9000, wanted: root));
            Assert.Equal((DecisionKind.Allow, root), (answer.Decision, answer.Value));
            Assert.Empty(answer.Problems);
        }

        var census = Census(host);
        Assert.Equal((3, 5L, 3L), (census.Count, census.TotalSwitches, census.Switches(0x1000)));
        Assert.Equal((3L, 5L, 0L), (host.Fact("process-census", "address spaces"), host.Fact("process-census", "switches"), host.Fact("process-census", "overflowed")));
        Assert.Equal(0, census.Switches(0x7000));
    }

    [Fact]
    public void The_PCID_and_the_bit_against_a_flush_are_no_part_of_a_root()
    {
        using var host = Start();
        host.Send(TestEvent.Cr(3, 0, 0x5000));
        host.Send(TestEvent.Cr(3, 0, 0x5001));
        host.Send(TestEvent.Cr(3, 0, 0x8000_0000_0000_5fff));
        Assert.Equal((1, 3L), (Census(host).Count, Census(host).Switches(0x8000_0000_0000_5003)));
    }

    [Fact]
    public void First_and_last_sight_are_by_the_clock()
    {
        using var host = Start();
        host.Send(TestEvent.Cr(3, 0, 0x5000));
        var first = host.Clock.GetUtcNow();
        host.Clock.Advance(TimeSpan.FromMinutes(5));
        host.Send(TestEvent.Cr(3, 0, 0x5000));
        Assert.True(Census(host).TryGetFirstSeen(0x5000, out var seenFirst));
        Assert.True(Census(host).TryGetLastSeen(0x5000, out var seenLast));
        Assert.Equal((first, host.Clock.GetUtcNow()), (seenFirst, seenLast));
        Assert.False(Census(host).TryGetFirstSeen(0x6000, out _));
        Assert.False(Census(host).TryGetLastSeen(0x6000, out _));
    }

    [Fact]
    public void A_guest_that_makes_roots_without_end_fills_the_census_and_no_more()
    {
        using var host = Start();
        for (var i = 0; i < ProcessCensusPolicy.Capacity + 10; i++)
        {
            Assert.Empty(host.Send(TestEvent.Cr(3, 0, 0x10_0000UL + ((ulong)i << 12))).Problems);
        }

        Assert.Equal((ProcessCensusPolicy.Capacity, 10L), (Census(host).Count, Census(host).Overflowed));
        Assert.Equal(10, host.Fact("process-census", "overflowed"));
    }

    [Fact]
    public void Other_control_registers_reach_no_handler()
    {
        using var host = Start();
        Assert.Empty(host.Send(TestEvent.Cr(4, 0x20, 0x30)).Votes);
        Assert.Equal(0, Census(host).TotalSwitches);
    }

    [Theory]
    [InlineData(PolicyMode.Audit)]
    [InlineData(PolicyMode.Enforce)]
    public void It_only_watches_and_gives_its_trap_back(PolicyMode mode)
    {
        using var host = Start(mode);
        Assert.Empty(host.Attached.Problems);
        Assert.Contains("control-cr vcpu=1 cr=3 on", host.Vm.Commands);
        Assert.True(host.Leases.Traps > 0);
        Assert.Equal(DecisionKind.Allow, host.Send(TestEvent.Cr(3, 0, 0x5000).OnVcpu(1)).Decision);
        host.Detach();
        Assert.Contains("control-cr vcpu=1 cr=3 off", host.Vm.Commands);
        Assert.Equal(0, host.Leases.Traps);
    }

    [Theory]
    [InlineData(KvmiDialect.V7)]
    [InlineData(KvmiDialect.V11)]
    [InlineData(KvmiDialect.V12)]
    [InlineData(KvmiDialect.RfcV5)]
    public void It_works_in_every_dialect(KvmiDialect dialect)
    {
        using var host = Start(vm: FakeVm.OfDialect(dialect));
        Assert.Empty(host.Attached.Problems);
        var answer = host.Send(TestEvent.Cr(3, 0, 0x5000));
        Assert.Empty(answer.Problems);
        Assert.False(answer.Reply.IsEmpty);
        Assert.Equal(1, Census(host).Count);
    }

    [Fact]
    public void Scripts_see_it_as_a_service()
    {
        using var host = TestHost.Start(new TestHostOptions
        {
            Policies = [PolicyFile],
            PolicyTexts =
            [
                """
                apiVersion: kvmi.policy/v1
                kind: Policy
                metadata: { id: reader, version: 1.0.0, title: Reads the census }
                spec:
                  mode: audit
                  requires: { plugins: [process-census] }
                  subscriptions: [{ event: cr, when: { cr: 3 }, handler: OnCr3 }]
                  script:
                    inline: |
                      using Kvmi.Policy.Plugins.ProcessCensus;
                      var census = Service<IProcessCensus>();
                      Decision OnCr3(CrEvent e)
                      {
                          if (!census.TryGetFirstSeen(e.New, out _)) Record("new-root", new { known = census.Count });
                          return Allow;
                      }
                """,
            ],
            Plugins = [typeof(ProcessCensusPolicy).Assembly],
        });
        Assert.Empty(host.Attached.Problems);
        Assert.Equal(0L, Assert.Single(host.Send(TestEvent.Cr(3, 0, 0x5000)).Records).Fields["known"]);
        Assert.Empty(host.Send(TestEvent.Cr(3, 0, 0x5000)).Records);
        Assert.Equal(1L, Assert.Single(host.Send(TestEvent.Cr(3, 0, 0x6000)).Records).Fields["known"]);
    }

    private static TestHost Start(PolicyMode? mode = null, FakeVm? vm = null) => TestHost.Start(new TestHostOptions
    {
        Policies = [PolicyFile],
        Plugins = [typeof(ProcessCensusPolicy).Assembly],
        Mode = mode,
        Vm = vm ?? new FakeVm(),
    });

    private static ProcessCensusPolicy Census(TestHost host)
    {
        var census = host.Find<ProcessCensusPolicy>();
        Assert.NotNull(census);
        Assert.Same(census, host.Find<IProcessCensus>());
        return census;
    }
}
