using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Leases;

public sealed class BreakpointLeaseTests
{
    private const ulong Code = 0x5000;

    [Fact]
    public void The_byte_is_kept_once_for_several_policies_and_goes_back_with_the_last()
    {
        using var bench = Bench();
        bench.Load(Setter("a"), Setter("b"));
        bench.Attach();
        Assert.Equal([0xCC], bench.Vm.Peek(Code, 1));
        Assert.Single(bench.Vm.Commands, command => command.StartsWith("write", StringComparison.Ordinal));
        bench.Load(Setter("b"));
        bench.Handler.Idle();
        Assert.Equal([0xCC], bench.Vm.Peek(Code, 1));
        bench.Load();
        bench.Handler.Idle();
        Assert.Equal([0x90], bench.Vm.Peek(Code, 1));
    }

    [Fact]
    public void A_hit_goes_to_its_owners_alone_and_the_guest_never_hears_of_it()
    {
        var asked = new List<string>();
        using var bench = Bench();
        bench.Load(
            Setter("a", () => asked.Add("a")),
            Loaded(Define("other", On(EventKind.Breakpoint)), (PolicyHandler<BreakpointEvent>)(_ => { asked.Add("other"); return Decision.Allow; })));
        bench.Attach();
        Assert.Equal(EventAction.Retry, Hit(bench, Code));
        Assert.Equal(["a"], asked);
        Assert.Equal([0x90], bench.Vm.Peek(Code, 1));
    }

    [Fact]
    public void A_breakpoint_of_the_guest_itself_is_its_own()
    {
        using var bench = Bench();
        bench.Vm.Put(Code + 1, [0xCC]);
        var set = true;
        bench.Load(Loaded(Define("p", On(EventKind.Breakpoint)), services =>
        {
            services.Breakpoints.Set(Code);
            set = services.Breakpoints.Set(Code + 1);
            return [(PolicyHandler<BreakpointEvent>)(_ => Decision.Allow)];
        }));
        bench.Attach();
        Assert.False(set);
        Assert.Equal(EventAction.Continue, Hit(bench, Code + 1));
    }

    [Fact]
    public void A_hit_that_comes_after_the_breakpoint_is_gone_is_tried_again()
    {
        using var bench = Bench();
        bench.Load(Setter("a"));
        bench.Attach();
        bench.Load();
        bench.Handler.Idle();
        Assert.Equal(EventAction.Retry, Hit(bench, Code));
    }

    [Fact]
    public void It_cannot_be_set_again_from_within_its_own_hit_but_from_any_other_event()
    {
        using var bench = Bench();
        var again = true;
        bench.Load(Loaded(Define("p", On(EventKind.Breakpoint), OnCr3), services =>
        {
            services.Breakpoints.Set(Code);
            PolicyHandler<BreakpointEvent> hit = e =>
            {
                again = services.Breakpoints.Set(e.Gpa);
                return Decision.Allow;
            };
            return [hit, Cr(() => services.Breakpoints.Set(Code) ? Decision.Allow : Decision.Crash())];
        }));
        bench.Attach();
        Hit(bench, Code);
        Assert.False(again);
        bench.Send(EventBody.Cr(3, 1, 2));
        Assert.Equal([0xCC], bench.Vm.Peek(Code, 1));
        bench.Handler.Detaching(DetachReason.Unhook);
        Assert.Equal([0x90], bench.Vm.Peek(Code, 1));
    }

    [Fact]
    public void A_policy_that_would_not_hear_of_every_hit_cannot_set_one()
    {
        using var bench = Bench();
        bench.Load(Loaded(
            Define("p", On(EventKind.Breakpoint)) with { Target = new PolicyTarget { Vcpus = [new ValueRange(1, 1)] } },
            services =>
            {
                services.Breakpoints.Set(Code);
                return [];
            }));
        bench.Attach();
        Assert.Contains("on every vCPU", Assert.Single(bench.Statuses("refused")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_audit_policy_gets_no_breakpoint_and_one_line_says_what_it_would_have_set()
    {
        using var bench = Bench();
        var set = new List<bool>();
        bench.Load(Loaded(Define("p", On(EventKind.Breakpoint), OnCr3) with { Mode = PolicyMode.Audit }, services =>
        {
            set.Add(services.Breakpoints.Set(Code));
            return [(PolicyHandler<BreakpointEvent>)(_ => Decision.Allow), Cr(() =>
            {
                set.Add(services.Breakpoints.Set(Code) || services.Breakpoints.IsSet(Code));
                return Decision.Allow;
            })];
        }));
        bench.Attach();
        bench.Send(EventBody.Cr(3, 1, 2));
        Assert.Equal([false, false], set);
        Assert.DoesNotContain(bench.Vm.Commands, command => command.StartsWith("write", StringComparison.Ordinal));
        Assert.Contains("0x5000", Assert.Single(bench.Statuses("breakpoint-refused")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("master")]
    [InlineData("policy")]
    [InlineData("reload")]
    public void A_policy_that_becomes_audit_loses_its_breakpoints_and_gets_them_again_when_it_enforces(string by)
    {
        using var bench = Bench();
        PolicyDefinition Definition(PolicyMode mode) =>
            Define("p", On(EventKind.Breakpoint), OnCr3) with { Mode = mode, State = new PolicyStateSettings(PolicyStateScope.Vm, true) };
        Engine.Generations.GenerationPolicy Policy(PolicyMode mode) => Loaded(Definition(mode), services =>
            [(PolicyHandler<BreakpointEvent>)(_ => Decision.Allow), Cr(() => services.Breakpoints.Set(Code) ? Decision.Allow : Decision.Retry)]);
        void Become(PolicyMode mode)
        {
            if (by == "master")
                bench.Engine.SetMasterMode(mode == PolicyMode.Audit ? MasterMode.Audit : MasterMode.AsWritten);
            else if (by == "policy")
                Assert.True(bench.Engine.TrySetPolicyMode("p", mode, out _));
            else
                bench.Load(Policy(mode));
        }

        bench.Load(Policy(PolicyMode.Enforce));
        bench.Attach();
        bench.Send(EventBody.Cr(3, 1, 2));
        Assert.Equal([0xCC], bench.Vm.Peek(Code, 1));
        Become(PolicyMode.Audit);
        bench.Send(EventBody.Cr(3, 1, 2));
        Assert.Equal([0x90], bench.Vm.Peek(Code, 1));
        Become(PolicyMode.Enforce);
        bench.Send(EventBody.Cr(3, 1, 2));
        Assert.Equal([0xCC], bench.Vm.Peek(Code, 1));
    }

    [Fact]
    public void Bytes_go_back_before_page_rights_and_those_before_traps()
    {
        using var bench = Bench();
        var before = bench.Vm.Snapshot();
        bench.Load(Loaded(
            Define("p", On(EventKind.Breakpoint), On(EventKind.PageFault)) with { Watch = [Watch(0x1000, 0x1FFF, PageAccess.Read)] },
            services =>
            {
                services.Breakpoints.Set(Code);
                return [(PolicyHandler<BreakpointEvent>)(_ => Decision.Allow), Pf(() => Decision.Retry)];
            }));
        bench.Attach();
        bench.Vm.Commands.Clear();
        bench.Handler.Detaching(DetachReason.Unhook);
        var commands = bench.Vm.Commands;
        Assert.True(commands.IndexOf("write 0x5000 90") < commands.IndexOf("page 0x1000 All"));
        Assert.True(commands.IndexOf("page 0x1000 All") < commands.IndexOf("event Breakpoint vcpu 0 off"));
        Assert.Equal(before, bench.Vm.Snapshot());
    }

    [Fact]
    public void What_cannot_be_given_back_in_time_is_told()
    {
        using var bench = Bench();
        bench.Load(Setter("a"));
        bench.Attach();
        bench.Vm.Fail = command =>
        {
            // Each command takes ten seconds of the twenty.
            bench.Time.Advance(TimeSpan.FromSeconds(10));
            return KvmiError.None;
        };
        bench.Handler.Detaching(DetachReason.Unhook);
        Assert.Equal([0x90], bench.Vm.Peek(Code, 1));
        Assert.Contains("traps of a", Assert.Single(bench.Statuses("lease-error")).Message, StringComparison.Ordinal);
    }

    private static EngineBench Bench()
    {
        var bench = new EngineBench();
        bench.Vm.Put(Code, [0x90]);
        return bench;
    }

    private static Engine.Generations.GenerationPolicy Setter(string id, Action? onHit = null) =>
        Loaded(Define(id, On(EventKind.Breakpoint)), services =>
        {
            Assert.True(services.Breakpoints.Set(Code));
            Assert.True(services.Breakpoints.IsSet(Code));
            return
            [
                (PolicyHandler<BreakpointEvent>)(_ =>
                {
                    onHit?.Invoke();
                    return Decision.Allow;
                }),
            ];
        });

    private static EventAction Hit(EngineBench bench, ulong gpa)
    {
        var body = EventBody.Breakpoint(gpa, 1);
        var frame = bench.Frame(in body, 0);
        var reply = default(EventReply);
        bench.Handler.OnEvent(in frame, ref reply);
        return reply.Action;
    }
}
