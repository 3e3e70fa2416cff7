using Kvmi.Policy.Engine.Faults;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Tests.Deadlines;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Faults;
using Kvmi.Session.Tests.Support;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Faults;

public sealed class PolicyFaultTests
{
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    public static TheoryData<bool> Throwing => new(false, true);

    [Theory]
    [MemberData(nameof(Throwing))]
    public void A_handler_that_throws_on_purpose_goes_the_way_of_every_error(bool memory)
    {
        var fault = new FaultInjection("x", 1, 5);
        var called = 0;
        using var bench = new EngineBench(faults: memory ? new PolicyFaults { OutOfMemory = fault } : new PolicyFaults { Exception = fault });
        bench.Load(
            Loaded(
                Define("p", OnCr3) with { OnError = new PolicyErrorHandling(DecisionKind.Keep, 3, TimeSpan.FromMinutes(1)) },
                Cr(() =>
                {
                    called++;
                    return Decision.Allow;
                })),
            Loaded(Define("then", On(EventKind.Cr, new EventFilter { Cr = 3 }, new PolicyThen(DecisionKind.Allow, []))), (Delegate?)null));
        bench.Attach();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(0x1000UL, BitConverter.ToUInt64(bench.Send(Write), 24));
        }

        // Out of service by now, with its trap held by the other one alone.
        Assert.Equal(0x2000UL, BitConverter.ToUInt64(bench.Send(Write), 24));
        Assert.Equal((0, 3, 3), (called, fault.Opportunities, fault.Injected));
        Assert.Equal(["p"], bench.Statuses("quarantined").Select(status => status.Policy));
        Assert.Contains(memory ? "OutOfMemoryException" : "InjectedFaultException", bench.Statuses("policy-error")[0].Message, StringComparison.Ordinal);
        Assert.Equal(3, bench.Engine.GetSummary().Errors);
    }

    [Fact]
    public void The_same_seed_and_the_same_events_give_the_same_decisions()
    {
        Assert.Equal(Outcomes(11), Outcomes(11));
        Assert.NotEqual(Outcomes(11), Outcomes(12));

        static DecisionKind[] Outcomes(ulong seed)
        {
            using var bench = new EngineBench(faults: new PolicyFaults
            {
                Exception = new FaultInjection("exception", 0.2, seed),
                OutOfMemory = new FaultInjection("oom", 0.2, seed),
            });
            bench.Load(Loaded(
                Define("p", OnCr3) with { OnError = new PolicyErrorHandling(DecisionKind.Keep, 0, TimeSpan.Zero) }, Cr(() => Decision.Set(0x7000))));
            bench.Attach();
            return
            [
                .. Enumerable.Range(0, 200).Select(_ =>
                {
                    bench.Send(Write);
                    return bench.Handler.LastOutcome.Decision;
                }),
            ];
        }
    }

    [Fact]
    public async Task A_handler_that_does_not_come_back_on_purpose_costs_its_policy_the_thread_which_ends_by_itself()
    {
        var fault = new FaultInjection("timeout", 1, 5);
        await using var bench = new DeadlineBench(
            new PolicyFaults { Timeout = fault },
            Loaded(
                Define("hangs", OnCr3) with
                {
                    Budget = PolicyBudget.Default with { Timeout = TimeSpan.FromMilliseconds(40), OnTimeout = DecisionKind.Keep },
                },
                Cr(() => Decision.Allow)));
        bench.Attach(vcpus: 2);

        Assert.Equal((1u, (ushort)0, EventAction.Continue, 0x1000ul), bench.Ask(0, Write));
        bench.CarryOutUntil(() => bench.Commands.Count(kind => kind == CommandKind.ControlCr) >= 4);
        Assert.Equal((2u, (ushort)1, EventAction.Continue, 0x2000ul), bench.Ask(1, Write));
        TestServer.Until(() => bench.Server.Deadlines is { AbandonedThreads: 1, AbandonedNow: 0 }, "the thread has not come back");
        Assert.Equal(["hangs"], bench.Statuses("timeout").Select(status => status.Policy));
        Assert.Equal(["hangs"], bench.Statuses("quarantined").Select(status => status.Policy));
        Assert.Equal((1, 1, 1), (bench.Server.Deadlines.Timeouts, fault.Opportunities, fault.Injected));
    }

    [Fact]
    public void Without_a_watchdog_no_handler_hangs()
    {
        var fault = new FaultInjection("timeout", 1, 5);
        using var bench = new EngineBench(faults: new PolicyFaults { Timeout = fault });
        bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Set(0x7000))));
        Assert.Equal(0x7000UL, BitConverter.ToUInt64(bench.Attach().Send(Write), 24));
        Assert.Equal(0, fault.Opportunities);
    }

    [Fact]
    public void A_collection_on_purpose_is_one_of_the_whole_heap()
    {
        var fault = new FaultInjection("gc", 0.5, 5);
        using var bench = new EngineBench(faults: new PolicyFaults { GarbageCollection = fault });
        bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Allow)));
        bench.Attach();
        var before = GC.CollectionCount(GC.MaxGeneration);
        for (var i = 0; i < 8; i++)
        {
            bench.Send(Write);
        }

        Assert.Equal(8, fault.Opportunities);
        Assert.NotEqual(0, fault.Injected);
        Assert.True(GC.CollectionCount(GC.MaxGeneration) - before >= fault.Injected);
    }

    [Fact]
    public void A_line_that_is_refused_on_purpose_is_counted_and_told()
    {
        var fault = new FaultInjection("full-queue", 0.5, 5);
        using var bench = new EngineBench(emitAll: true, faults: new PolicyFaults { FullQueue = fault });
        bench.Load(Loaded(Define("p", OnCr3), services =>
        [
            Cr(() =>
            {
                services.Alert("a", null);
                return Decision.Keep(0x1000);
            }),
        ]));
        bench.Attach();
        for (var i = 0; i < 20; i++)
        {
            bench.Send(Write);
        }

        bench.Engine.Flush();
        Assert.InRange(fault.Injected, 1, fault.Opportunities - 1);
        Assert.Equal(fault.Injected, bench.Engine.GetSummary().LostOutput);
        var lines = bench.Sink.Records;
        var lost = bench.Statuses("lost-output");
        Assert.Equal(fault.Injected, (long)lost[^1].Fields.Single(field => field.Name == "total").Value!);

        // in-service, 20 alerts, 20 decisions: each arrived or is among the lost.
        Assert.Equal((41, 41), (fault.Opportunities, lines.Length - lost.Length + fault.Injected));
        Assert.Equal(20, bench.Engine.GetSummary().Alerts);
    }
}
