using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Dispatch;

public sealed class DispatchTableTests
{
    [Fact]
    public void The_msr_table_finds_exactly_what_was_put_in()
    {
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(200).WithEndSize(300),
            Prop.ForAll(Gen.Choose(int.MinValue, int.MaxValue).ArrayOf().ToArbitrary(), numbers =>
            {
                var keys = numbers.Select(number => (uint)number).Distinct().ToArray();
                var table = new MsrTable(keys.ToDictionary(key => key, _ => new DispatchEntry[1]));
                Assert.All(keys, key => Assert.Equal(1, table.Find(key).Length));
                Assert.All(keys, key => Assert.Equal(keys.Contains(key + 1) ? 1 : 0, table.Find(key + 1).Length));
            }));
    }

    [Fact]
    public void An_event_reaches_the_subscriptions_of_its_kind_and_number_in_policy_order()
    {
        using var bench = new EngineBench();
        var seen = new List<string>();
        Decision Note(string name)
        {
            seen.Add(name);
            return Decision.Allow;
        }

        PolicyHandler<DescriptorEvent> descriptor = _ => Note("descriptor");
        PolicyHandler<HypercallEvent> hypercall = _ => Note("hypercall");
        PolicyHandler<XsetbvEvent> xsetbv = _ => Note("xsetbv");
        PolicyHandler<BreakpointEvent> breakpoint = _ => Note("breakpoint");
        PolicyHandler<SinglestepEvent> singlestep = e => Note($"singlestep {e.Failed}");
        PolicyHandler<TrapEvent> trap = e => Note($"trap {e.Vector} {e.ErrorCode:x} {e.Address:x}");
        PolicyHandler<CreateVcpuEvent> created = e => Note($"create-vcpu {e.Vcpu}");
        PolicyHandler<CpuidEvent> cpuid = e => Note($"cpuid {e.Function:x} {e.Index:x} {e.InstructionLength}");
        bench.Load(
            Loaded(Define("any-cr", On(EventKind.Cr)), Cr(() => Note("any-cr"))),
            Loaded(Define("cr4", On(EventKind.Cr, new EventFilter { Cr = 4 })), Cr(() => Note("cr4"))),
            Loaded(
                Define("msrs", On(EventKind.Msr, new EventFilter { Msrs = [new ValueRange(0x10, 0x12), new ValueRange(Lstar, Lstar)] })),
                Msr(() => Note("msrs"))),
            Loaded(
                Define("rest", On(EventKind.Descriptor), On(EventKind.Hypercall), On(EventKind.Xsetbv), On(EventKind.Breakpoint)),
                descriptor,
                hypercall,
                xsetbv,
                breakpoint),
            Loaded(
                Define("late", On(EventKind.Singlestep), On(EventKind.Trap), On(EventKind.CreateVcpu), On(EventKind.Cpuid)),
                singlestep,
                trap,
                created,
                cpuid));
        bench.Attach();

        foreach (var (body, expected) in (ReadOnlySpan<(EventBody, string)>)
        [
            (EventBody.Cr(0, 1, 2), "any-cr"),
            (EventBody.Cr(4, 1, 2), "any-cr cr4"),
            (EventBody.Cr(8, 1, 2), ""),
            (EventBody.Msr(0x11, 1, 2), "msrs"),
            (EventBody.Msr(Lstar, 1, 2), "msrs"),
            (EventBody.Msr(0x13, 1, 2), ""),
            (EventBody.Descriptor(DescriptorTable.Idtr, write: true), "descriptor"),
            (EventBody.Plain(EventKind.Hypercall), "hypercall"),
            (EventBody.Xsetbv(0, 1, 2), "xsetbv"),
            (EventBody.Breakpoint(0x1000, 1), "breakpoint"),
            (EventBody.Plain(EventKind.PauseVcpu), ""),
            (EventBody.Trap(6, 5, 0x77), "trap 6 5 77"),
            (EventBody.Singlestep(failed: true), "singlestep True"),
            (EventBody.Cpuid(0x4000_0000, 3, 2), "cpuid 40000000 3 2"),
            (EventBody.Plain(EventKind.CreateVcpu), "create-vcpu 0"),
        ])
        {
            seen.Clear();
            if (body.Kind == EventKind.CreateVcpu)
            {
                bench.Vm.Recreate(0);
            }

            var reply = bench.Send(body);
            Assert.Equal(expected, string.Join(' ', seen));
            Assert.Equal(bench.Untouched(body), reply);
        }
    }
}
