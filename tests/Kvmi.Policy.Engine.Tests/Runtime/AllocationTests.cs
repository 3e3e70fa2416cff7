using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

public sealed class AllocationTests
{
    [Fact]
    public void Register_events_with_ten_policies_allocate_nothing()
    {
        using var bench = new EngineBench();
        bench.Load([.. Enumerable.Range(0, 10).Select(i => Loaded(
            Define($"p{i}", On(EventKind.Cr, new EventFilter { Cr = 3, NewValues = [new ValueRange(0, 0xFFFF_FFFF)] }), On(EventKind.Msr)) with
            {
                Mode = i % 2 == 0 ? PolicyMode.Audit : PolicyMode.Enforce,
            },
            services =>
            {
                var seen = services.State.Set<ulong>("seen", 1024);
                PolicyHandler<CrEvent> cr = e =>
                {
                    seen.Add(e.New);
                    return Decision.Keep(e.Old);
                };
                PolicyHandler<MsrEvent> msr = e => services.Enforcing ? Decision.Set(0x77) : Decision.Allow;
                return [cr, msr];
            }))]);
        bench.Attach();
        bench.Vm.Recording = false;

        AssertNoAllocation(bench, EventBody.Cr(3, 0x1000, 0x2000));
        AssertNoAllocation(bench, EventBody.Msr(Lstar, 0x1000, 0x2000));
        AssertNoAllocation(bench, EventBody.Cr(0, 0x1000, 0x2000));
    }

    [Fact]
    public void Page_faults_with_ten_policies_allocate_nothing()
    {
        using var bench = new EngineBench();
        bench.Load([.. Enumerable.Range(0, 10).Select(i => Loaded(
            Define($"p{i}", On(EventKind.PageFault)) with { Watch = [Watch(0x1000, 0x4FFF, PageAccess.ReadExecute)] },
            services =>
            {
                PolicyHandler<PageFaultEvent> flip = e =>
                {
                    services.Pages.Set(e.Gpa, PageAccess.ReadWrite);
                    services.Pages.Set(e.Gpa, PageAccess.ReadExecute);
                    return Decision.Retry;
                };
                return [flip];
            }))]);
        bench.Attach();
        bench.Vm.Recording = false;
        AssertNoAllocation(bench, EventBody.PageFault(0, 0x2000, PageAccess.Write));
    }

    [Fact]
    public void Every_kind_of_event_with_ten_script_policies_allocates_nothing()
    {
        const string Script = """
            var seen = State.Map<ushort, ulong>("seen", 64);
            Decision OnCr(CrEvent e) { seen.TrySet(e.Vcpu, e.New); return Keep(e.Old); }
            Decision OnMsr(MsrEvent e) { seen.TrySet(e.Vcpu, e.New); return Set(7); }
            Decision OnPf(PageFaultEvent e) { seen.TrySet(e.Vcpu, e.Gpa); return Allow; }
            Decision OnBreakpoint(BreakpointEvent e) { seen.TrySet(e.Vcpu, e.Gpa); return Allow; }
            Decision OnDescriptor(DescriptorEvent e) { seen.TrySet(e.Vcpu, e.Rip); return Allow; }
            Decision OnHypercall(HypercallEvent e) { seen.TrySet(e.Vcpu, e.Rip); return Allow; }
            Decision OnXsetbv(XsetbvEvent e) { seen.TrySet(e.Vcpu, e.Rip); return Allow; }
            Decision OnTrap(TrapEvent e) { seen.TrySet(e.Vcpu, e.Rip); return Allow; }
            Decision OnCpuid(CpuidEvent e) { seen.TrySet(e.Vcpu, e.Rip); return Allow; }
            """;
        (EventKind Kind, string Handler, EventBody Body)[] kinds =
        [
            (EventKind.Cr, "OnCr", EventBody.Cr(3, 0x1000, 0x2000)),
            (EventKind.Msr, "OnMsr", EventBody.Msr(Lstar, 0x1000, 0x2000)),
            (EventKind.PageFault, "OnPf", EventBody.PageFault(0, 0x2000, PageAccess.Write)),
            (EventKind.Breakpoint, "OnBreakpoint", EventBody.Breakpoint(0x3000, 1)),
            (EventKind.Descriptor, "OnDescriptor", EventBody.Descriptor(DescriptorTable.Idtr, true)),
            (EventKind.Hypercall, "OnHypercall", EventBody.Plain(EventKind.Hypercall)),
            (EventKind.Xsetbv, "OnXsetbv", EventBody.Xsetbv(0, 1, 3)),
            (EventKind.Trap, "OnTrap", EventBody.Trap(14, 2, 0x1000)),
            (EventKind.Cpuid, "OnCpuid", EventBody.Cpuid(1, 0, 2)),
        ];
        using var bench = new EngineBench();
        var result = Scripting.Policies.Build([.. Enumerable.Range(0, 10).Select(i => Scripting.Policies.Inline(
            $"p{i}", Script, [.. kinds.Select(kind => On(kind.Kind) with { Handler = kind.Handler })]) with
        {
            Mode = i % 2 == 0 ? PolicyMode.Audit : PolicyMode.Enforce,
            Watch = [Watch(0x1000, 0x4FFF, PageAccess.ReadExecute)],
        })]);
        Assert.Empty(result.Findings);
        bench.Engine.Swap(result.Generation!);
        bench.Attach();
        bench.Vm.Recording = false;
        foreach (var (_, _, body) in kinds)
        {
            AssertNoAllocation(bench, body);
        }

        Assert.All(bench.Engine.GetSummary().Policies, policy =>
        {
            Assert.Equal(0, policy.Errors);
            Assert.True(policy.Events >= 700, $"{policy.Id} saw {policy.Events} events; each of the first {kinds.Length} kinds was to reach it");
        });
    }

    [Fact]
    public void Counting_by_a_key_allocates_nothing()
    {
        using var bench = new EngineBench();
        var result = Scripting.Policies.Build([Scripting.Policies.Inline(
            "p", "var counts = Facts.Counts(\"new\"); Decision OnCr(CrEvent e) { counts.Add(e.New); return Allow; }", On(EventKind.Cr) with { Handler = "OnCr" })]);
        Assert.Empty(result.Findings);
        bench.Engine.Swap(result.Generation!);
        bench.Attach();
        bench.Vm.Recording = false;
        AssertNoAllocation(bench, EventBody.Cr(3, 0x1000, 0x2000));
        var counts = Assert.Single(bench.Engine.GetCounts(10));
        Assert.Equal(("p", "new", bench.Engine.GetSummary().Policies[0].Events), (counts.Policy, counts.Name, counts.Total));
        Assert.Equal((0x2000UL, counts.Total), (counts.Top[0].Key, counts.Top[0].Count));
    }

    /// <summary>Which alerts are kept back is decided behind the queue, so the event pays for the one object that goes into it.</summary>
    [Fact]
    public void An_alert_that_is_silenced_allocates_the_one_object_that_is_queued()
    {
        using var bench = new EngineBench();
        var result = Scripting.Policies.Build([Scripting.Policies.Inline(
            "p", "Decision OnCr(CrEvent e) { Alert(\"seen\"); return Allow; }", On(EventKind.Cr) with { Handler = "OnCr" }) with
        {
            Alerts = new PolicyAlertSettings(["vcpu"], TimeSpan.FromHours(1)),
        }]);
        Assert.Empty(result.Findings);
        bench.Engine.Swap(result.Generation!);
        bench.Attach();
        bench.Vm.Recording = false;
        AssertNoAllocation(bench, EventBody.Cr(3, 0x1000, 0x2000), perEvent: 96);
        bench.Engine.Flush();
        var summary = bench.Engine.GetSummary().Policies[0];
        Assert.Equal((1, 0), (summary.Alerts, summary.Errors));
        Assert.Equal(summary.Events - 1, summary.SuppressedAlerts);
    }

    [Theory]
    [InlineData(PolicyRateAction.DropAlert)]
    [InlineData(PolicyRateAction.Sample)]
    public void Events_above_a_rate_allocate_nothing(PolicyRateAction action)
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(
            Define("p", OnCr3) with { Budget = PolicyBudget.Default with { Rate = new PolicyRate(10, TimeSpan.FromHours(1), action) } },
            Cr(() => Decision.Allow)));
        bench.Attach();
        bench.Vm.Recording = false;
        AssertNoAllocation(bench, EventBody.Cr(3, 0x1000, 0x2000));
        Assert.NotEqual(0, bench.Engine.GetSummary().Policies[0].OverRate);
    }

    [Fact]
    public void Every_other_kind_of_event_allocates_nothing()
    {
        using var bench = new EngineBench();
        bench.Load([.. Enumerable.Range(0, 10).Select(i => Loaded(
            Define(
                $"p{i}",
                On(EventKind.Breakpoint),
                On(EventKind.Descriptor),
                On(EventKind.Hypercall),
                On(EventKind.Xsetbv),
                On(EventKind.Trap, new EventFilter { Vectors = [new ValueRange(0, 14)] }),
                On(EventKind.Cpuid, new EventFilter { Functions = [new ValueRange(0, 0x4000_0000)], Indexes = [new ValueRange(0, 1)] })) with
            {
                Mode = i % 2 == 0 ? PolicyMode.Audit : PolicyMode.Enforce,
            },
            (PolicyHandler<BreakpointEvent>)(e => e.Gpa == 1 ? Decision.Retry : Decision.Allow),
            (PolicyHandler<DescriptorEvent>)(e => e.IsWrite ? Decision.Retry : Decision.Allow),
            (PolicyHandler<HypercallEvent>)(_ => Decision.Allow),
            (PolicyHandler<XsetbvEvent>)(e => e.HasValues ? Decision.Crash() : Decision.Allow),
            (PolicyHandler<TrapEvent>)(e => e.Vector == 8 ? Decision.Crash() : Decision.Allow),
            (PolicyHandler<CpuidEvent>)(e => e.Function == 1 ? Decision.Crash() : Decision.Allow)))]);
        bench.Attach();
        bench.Vm.Recording = false;
        AssertNoAllocation(bench, EventBody.Breakpoint(0x1000, 1));
        AssertNoAllocation(bench, EventBody.Descriptor(DescriptorTable.Idtr, write: true));
        AssertNoAllocation(bench, EventBody.Plain(EventKind.Hypercall));
        AssertNoAllocation(bench, EventBody.Xsetbv(0, 1, 3));
        AssertNoAllocation(bench, EventBody.Trap(13, 0, 0));
        AssertNoAllocation(bench, EventBody.Cpuid(0x4000_0000, 0, 2));
    }

    [Fact]
    public void Single_steps_allocate_nothing_whether_they_go_on_or_begin_anew()
    {
        using var bench = new EngineBench();
        bench.Load([.. Enumerable.Range(0, 10).Select(i => Loaded(Define($"p{i}", On(EventKind.Singlestep)), services =>
        {
            PolicyHandler<SinglestepEvent> step = e => i == 0 || services.Singlestep.Start(e.Vcpu) ? Decision.Allow : Decision.Crash();
            services.Singlestep.Start(0, i == 0 ? 1_000_000 : 1);
            return [step];
        }))]);
        bench.Attach();
        bench.Vm.Recording = false;
        AssertNoAllocation(bench, EventBody.Singlestep(failed: false));
        Assert.True(bench.Vm.IsOn("singlestep vcpu 0"));
    }

    /// <summary>With nothing else subscribed to: what a new vCPU is told then is commands, a few for its whole life.</summary>
    [Fact]
    public void A_new_vcpu_allocates_nothing()
    {
        using var bench = new EngineBench();
        bench.Load([.. Enumerable.Range(0, 10).Select(i => Loaded(
            Define($"p{i}", On(EventKind.CreateVcpu)), (PolicyHandler<CreateVcpuEvent>)(e => e.Vcpu > 200 ? Decision.Crash() : Decision.Allow)))]);
        bench.Attach();
        bench.Vm.Recording = false;
        AssertNoAllocation(bench, EventBody.Plain(EventKind.CreateVcpu));
        Assert.All(bench.Engine.GetSummary().Policies, policy => Assert.True(policy.Events >= 700));
    }

    internal static void AssertNoAllocation(EngineBench bench, EventBody body, long perEvent = 0)
    {
        var frame = bench.Frame(in body, 0);
        for (var i = 0; i < 200; i++)
        {
            var warm = default(EventReply);
            bench.Handler.OnEvent(in frame, ref warm);
        }

        // The runtime grows its process-wide table of generic virtual methods on whichever thread calls next (792 bytes, seen once): a round is
        // repeated. What an event allocates is in every round.
        var allocated = long.MaxValue;
        for (var round = 0; round < 3 && allocated != perEvent * 500; round++)
        {
            bench.Engine.Flush();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 500; i++)
            {
                var reply = default(EventReply);
                bench.Handler.OnEvent(in frame, ref reply);
            }

            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(perEvent * 500, allocated);
    }
}
