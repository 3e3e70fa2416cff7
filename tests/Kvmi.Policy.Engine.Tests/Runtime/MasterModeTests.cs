using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

public sealed class MasterModeTests
{
    /// <summary>Every way in which a policy can fail, with onError crash.</summary>
    public static TheoryData<string> Failures => ["throws", "illegal", "default", "otherwise", "crash"];

    [Fact]
    public void Audit_covers_every_policy_from_the_next_event_on_and_takes_back_what_they_wrote()
    {
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("a", OnCr3), services =>
            {
                services.Memory.TryWritePhysical(0x3000, [1, 2]);
                return [Cr(() => services.Memory.TryWritePhysical(0x4000, [3]) ? Decision.Keep(1) : Decision.Crash())];
            }),
            Loaded(Define("b", OnCr3), Cr(() => Decision.Crash())));
        bench.Attach();
        Assert.NotEqual(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        bench.Engine.SetMasterMode(MasterMode.Audit);

        Assert.Equal(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        Assert.Equal(DecisionKind.Crash, bench.Handler.LastOutcome.WouldHave);
        Assert.Equal([0, 0], bench.Vm.Peek(0x3000, 2));
        Assert.Equal([0], bench.Vm.Peek(0x4000, 1));
        Assert.True(bench.Vm.IsOn("cr3 vcpu 0"));
        Assert.Single(bench.Statuses("master-mode"));

        bench.Engine.SetMasterMode(MasterMode.AsWritten);
        Assert.NotEqual(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
    }

    [Fact]
    public void Off_gives_everything_back_holds_for_later_generations_and_comes_on_again()
    {
        using var bench = new EngineBench();
        var before = bench.Vm.Snapshot();
        bench.Load(Loaded(Define("a", OnCr3), Cr(() => Decision.Keep(1))));
        bench.Attach();
        bench.Engine.SetMasterMode(MasterMode.Off);
        bench.Handler.Idle();
        Assert.Equal(before, bench.Vm.Snapshot());
        bench.Load(Loaded(Define("b", OnCr3), Cr(() => Decision.Keep(1))));
        Assert.Equal(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        Assert.Equal(before, bench.Vm.Snapshot());

        bench.Engine.SetMasterMode(MasterMode.AsWritten);
        Assert.NotEqual(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        Assert.Equal("b", bench.Handler.LastOutcome.Winner);
    }

    [Fact]
    public void A_VM_that_comes_later_finds_the_switch_as_it_is()
    {
        using var bench = new EngineBench();
        bench.Engine.SetMasterMode(MasterMode.Audit);
        bench.Load(Loaded(Define("a", OnCr3), Cr(() => Decision.Keep(1))));
        bench.Attach();
        Assert.Equal(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public void An_audit_policy_never_fails_closed(string failure)
    {
        foreach (var bySwitch in (bool[])[false, true])
        {
            using var bench = new EngineBench();
            var definition = Define("p", OnCr3, On(EventKind.Msr), On(EventKind.Breakpoint), On(EventKind.Xsetbv)) with
            {
                Mode = bySwitch ? PolicyMode.Enforce : PolicyMode.Audit,
                OnError = new PolicyErrorHandling(DecisionKind.Crash, 0, TimeSpan.FromMinutes(1)),
            };
            bench.Load(Loaded(
                definition,
                Cr(() => Fail(failure)),
                Msr(() => Fail(failure)),
                (PolicyHandler<BreakpointEvent>)(_ => Fail(failure)),
                (PolicyHandler<XsetbvEvent>)(_ => Fail(failure))));
            bench.Engine.SetMasterMode(bySwitch ? MasterMode.Audit : MasterMode.AsWritten);
            bench.Attach();
            Assert.Equal(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
            Assert.Equal(bench.Untouched(EventBody.Msr(Lstar, 1, 2)), bench.Send(EventBody.Msr(Lstar, 1, 2)));
            Assert.Equal(bench.Untouched(EventBody.Breakpoint(0x1000, 1)), bench.Send(EventBody.Breakpoint(0x1000, 1)));
            Assert.Equal(bench.Untouched(EventBody.Plain(EventKind.Xsetbv)), bench.Send(EventBody.Plain(EventKind.Xsetbv)));
        }
    }

    [Fact]
    public void An_enforcing_policy_fails_as_its_file_says()
    {
        foreach (var onError in (DecisionKind[])[DecisionKind.Allow, DecisionKind.Keep])
        {
            using var bench = new EngineBench();
            bench.Load(Loaded(
                Define("p", OnCr3) with { OnError = new PolicyErrorHandling(onError, 0, TimeSpan.FromMinutes(1)) },
                Cr(() => throw new InvalidOperationException("bad day"))));
            bench.Attach();
            var reply = bench.Send(EventBody.Cr(3, 1, 2));
            Assert.Equal(onError == DecisionKind.Allow, bench.Untouched(EventBody.Cr(3, 1, 2)).AsSpan().SequenceEqual(reply));
        }
    }

    [Fact]
    public void A_reload_that_makes_a_policy_audit_takes_back_what_it_wrote_though_it_keeps_its_state()
    {
        using var bench = new EngineBench();
        var definition = Define("p", OnCr3) with { State = new PolicyStateSettings(PolicyStateScope.Vm, true) };
        bench.Load(Loaded(definition, services =>
        {
            services.Memory.TryWritePhysical(0x3000, [1]);
            return [Cr(() => Decision.Allow)];
        }));
        bench.Attach();
        bench.Load(Loaded(definition, Cr(() => Decision.Allow)));
        bench.Handler.Idle();
        Assert.Equal([1], bench.Vm.Peek(0x3000, 1));
        bench.Load(Loaded(definition with { Mode = PolicyMode.Audit }, Cr(() => Decision.Allow)));
        bench.Handler.Idle();
        Assert.Equal([0], bench.Vm.Peek(0x3000, 1));
    }

    private static Decision Fail(string how) => how switch
    {
        "throws" => throw new InvalidOperationException("bad day"),
        "illegal" => Decision.Skip(),
        "default" => default,
        "otherwise" => Decision.Crash((PolicyHandler<PageFaultEvent>)(_ => throw new InvalidOperationException("worse day"))),
        _ => Decision.Crash(),
    };
}
