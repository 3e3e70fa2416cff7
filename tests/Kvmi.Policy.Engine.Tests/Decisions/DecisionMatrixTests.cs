using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Decisions;

public sealed class DecisionMatrixTests
{
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Theory]
    [InlineData(DecisionKind.Allow, EventAction.Continue, 0x2000, "")]
    [InlineData(DecisionKind.Keep, EventAction.Continue, 0x1000, "")]
    [InlineData(DecisionKind.Set, EventAction.Continue, 0x5000, "")]
    [InlineData(DecisionKind.Inject, EventAction.Continue, 0x1000, "inject 0 13")]
    [InlineData(DecisionKind.Crash, EventAction.Crash, 0x1000, "")]
    public void A_register_decision_fills_action_value_and_commands(DecisionKind kind, EventAction action, ulong value, string command)
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("p", OnCr3), Cr(() => Make(kind))));
        bench.Attach();
        bench.Vm.Commands.Clear();

        var reply = bench.Send(Write);

        Assert.Equal((byte)action, reply[16]);
        Assert.Equal(value, BitConverter.ToUInt64(reply, 24));
        Assert.Equal(command.Length == 0 ? [] : [command], bench.Vm.Commands);
        Assert.Equal(kind, bench.Handler.LastOutcome.Decision);
        Assert.Equal("p", bench.Handler.LastOutcome.Winner);
    }

    [Theory]
    [InlineData(DecisionKind.Allow, EventAction.Continue)]
    [InlineData(DecisionKind.Retry, EventAction.Retry)]
    [InlineData(DecisionKind.Skip, EventAction.Retry)]
    [InlineData(DecisionKind.Inject, EventAction.Retry)]
    [InlineData(DecisionKind.Crash, EventAction.Crash)]
    public void A_page_fault_and_a_breakpoint_decision_fill_the_action(DecisionKind kind, EventAction action)
    {
        using var bench = new EngineBench();
        bench.State.Regs.Rip = 0x9000;
        bench.Vm.Put(0x9000, [0x48, 0x89, 0x03]);
        var definition = Define("p", On(EventKind.PageFault), On(EventKind.Breakpoint)) with { Watch = [Watch(0x5000, 0x5FFF, PageAccess.ReadExecute)] };
        PolicyHandler<BreakpointEvent> breakpoint = _ => Make(kind);
        bench.Load(Loaded(definition, Pf(() => Make(kind)), breakpoint));
        bench.Attach();

        Assert.Equal(action, bench.SendPageFault(0x5008, PageAccess.Write));
        Assert.Equal(kind == DecisionKind.Skip ? 0x9003UL : 0, bench.Vm.LastRegisters.Rip);
        Assert.Equal((byte)action, bench.Send(EventBody.Breakpoint(0x9000, 1))[16]);
        Assert.Equal(kind == DecisionKind.Skip ? 0x9001UL : 0, bench.Vm.LastRegisters.Rip);
    }

    [Fact]
    public void The_stronger_vote_wins_whatever_the_order()
    {
        // Every pair of kinds that a register event allows, in both orders.
        DecisionKind[] kinds = [DecisionKind.Allow, DecisionKind.Set, DecisionKind.Keep, DecisionKind.Inject, DecisionKind.Crash];
        foreach (var first in kinds)
        {
            foreach (var second in kinds)
            {
                using var bench = new EngineBench();
                bench.Load(
                    Loaded(Define("a", OnCr3), Cr(() => Make(first))),
                    Loaded(Define("b", OnCr3), Cr(() => Make(second))));
                bench.Attach().Send(Write);

                Assert.Equal(first > second ? first : second, bench.Handler.LastOutcome.Decision);
                Assert.Equal(second > first ? "b" : "a", bench.Handler.LastOutcome.Winner);
                Assert.Equal(2, bench.Handler.LastOutcome.VoteCount);
            }
        }
    }

    [Fact]
    public void Of_two_different_sets_the_first_in_policy_order_wins_and_a_record_says_so()
    {
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("a", OnCr3), Cr(() => Decision.Set(0x7000))),
            Loaded(Define("b", OnCr3), Cr(() => Decision.Set(0x8000))));
        var reply = bench.Attach().Send(Write);

        bench.Engine.Flush();
        Assert.Equal(0x7000UL, BitConverter.ToUInt64(reply, 24));
        var record = Assert.Single(bench.Sink.Records.OfType<NoticeOutput>());
        Assert.Equal(("set-conflict", "b", false), (record.Name, record.Policy, record.IsAlert));
        Assert.Contains(new OutputField("winner", "a"), record.Fields);
    }

    [Fact]
    public void Audit_register_replies_are_byte_identical_to_no_policy()
    {
        foreach (var kind in (DecisionKind[])[DecisionKind.Allow, DecisionKind.Set, DecisionKind.Keep, DecisionKind.Inject, DecisionKind.Crash])
        {
            using var bench = new EngineBench();
            bench.Load(Loaded(
                Define("a", OnCr3, On(EventKind.Msr)) with { Mode = PolicyMode.Audit },
                services =>
                [
                    Cr(() =>
                    {
                        services.Registers.Set(GuestRegister.Rax, 1);
                        services.Memory.TryWritePhysical(0x1000, [1, 2, 3]);
                        return Make(kind);
                    }),
                    Msr(() => Make(kind)),
                ]));
            bench.Attach();
            bench.Vm.Commands.Clear();
            var msr = EventBody.Msr(Lstar, 0x1000, 0x3000);

            Assert.Equal(bench.Untouched(Write, 1), bench.Send(Write, 1));
            Assert.Equal(bench.Untouched(msr), bench.Send(msr));
            Assert.Empty(bench.Vm.Commands);
            Assert.Equal(kind == DecisionKind.Allow ? null : kind, bench.Handler.LastOutcome.WouldHave);
        }
    }

    [Fact]
    public void An_audit_vote_never_outranks_an_enforced_one_and_is_reported()
    {
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("audit", OnCr3) with { Mode = PolicyMode.Audit }, Cr(() => Decision.Crash())),
            Loaded(Define("lock", OnCr3), Cr(() => Decision.Keep(0x1000))));
        bench.Attach().Send(Write);

        bench.Engine.Flush();
        var decision = Assert.Single(bench.Sink.Records.OfType<DecisionOutput>());
        Assert.Equal((DecisionKind.Keep, "lock", DecisionKind.Crash), (decision.Decision, decision.Policy, decision.WouldHave));
        Assert.Equal((0x1000UL, 0x2000UL, "cr3"), (decision.Value, decision.Wanted, decision.Subject));
        Assert.Equal("audit would crash, lock votes keep 0x1000", decision.Reason);
    }

    [Fact]
    public void Harmless_decisions_are_not_written_unless_asked_for()
    {
        foreach (var all in (bool[])[false, true])
        {
            using var bench = new EngineBench(emitAll: all);
            bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Allow)));
            bench.Attach().Send(Write);
            bench.Engine.Flush();
            Assert.Equal(all ? 1 : 0, bench.Sink.Records.OfType<DecisionOutput>().Count());
        }
    }

    [Fact]
    public void Illegal_answers_are_policy_errors_and_onError_decides()
    {
        Decision[] illegal = [Decision.Retry, Decision.Skip(), Decision.Keep(0x1234), Decision.Inject(new GuestException(32))];
        foreach (var answer in illegal)
        {
            using var bench = new EngineBench();
            var definition = Define("p", OnCr3) with { OnError = new PolicyErrorHandling(DecisionKind.Keep, 0, TimeSpan.Zero) };
            bench.Load(Loaded(definition, Cr(() => answer)));
            var reply = bench.Attach().Send(Write);

            Assert.Equal(0x1000UL, BitConverter.ToUInt64(reply, 24));
            Assert.Contains("p", Assert.Single(bench.Statuses("policy-error")).Policy);
        }
    }

    [Fact]
    public void A_throwing_handler_is_answered_by_onError_and_in_audit_by_allow()
    {
        foreach (var mode in Enum.GetValues<PolicyMode>())
        {
            using var bench = new EngineBench();
            var definition = Define("p", OnCr3) with { Mode = mode, OnError = new PolicyErrorHandling(DecisionKind.Crash, 0, TimeSpan.Zero) };
            bench.Load(Loaded(definition, Cr(() => throw new FormatException("odd value"))));
            bench.Attach().Send(Write);

            Assert.Equal(mode == PolicyMode.Audit ? DecisionKind.Allow : DecisionKind.Crash, bench.Handler.LastOutcome.Decision);
            Assert.Contains("FormatException: odd value", Assert.Single(bench.Statuses("policy-error")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Edits_of_enforced_policies_are_merged_with_the_winner_first_and_sent_once()
    {
        using var bench = new EngineBench();
        Delegate?[] Editor(IPolicyServices services, ulong rax, GuestRegister other, Decision decision) =>
        [
            Cr(() =>
            {
                services.Registers.Set(GuestRegister.Rax, rax);
                services.Registers.Set(other, rax);
                Assert.Equal(rax, services.Registers.Get(GuestRegister.Rax));
                return decision;
            }),
        ];
        bench.Load(
            Loaded(Define("a", OnCr3), services => Editor(services, 1, GuestRegister.Rbx, Decision.Allow)),
            Loaded(Define("b", OnCr3), services => Editor(services, 2, GuestRegister.Rcx, Decision.Keep(0x1000))));
        bench.Attach();
        bench.Vm.Commands.Clear();
        bench.Send(Write);

        Assert.Single(bench.Vm.Commands);
        Assert.Equal((2UL, 1UL, 2UL), (bench.Vm.LastRegisters.Rax, bench.Vm.LastRegisters.Rbx, bench.Vm.LastRegisters.Rcx));
    }

    [Fact]
    public void A_busy_injection_still_denies()
    {
        using var bench = new EngineBench();
        bench.Vm.Fail = command => command.StartsWith("inject", StringComparison.Ordinal) ? KvmiError.Busy : KvmiError.None;
        bench.Load(Loaded(
            Define("p", OnCr3, On(EventKind.PageFault)) with { Watch = [Watch(0x5000, 0x5FFF, PageAccess.ReadExecute)] },
            Cr(() => Make(DecisionKind.Inject)),
            Pf(() => Make(DecisionKind.Inject))));
        bench.Attach();

        Assert.Equal(0x1000UL, BitConverter.ToUInt64(bench.Send(Write), 24));
        Assert.Equal(EventAction.Retry, bench.SendPageFault(0x5000, PageAccess.Write));
        Assert.Empty(bench.Statuses("policy-error"));
    }

    [Fact]
    public void A_skip_of_something_that_is_no_instruction_is_an_error_and_lets_the_guest_go_on()
    {
        using var bench = new EngineBench();
        bench.State.Regs.Rip = 0x9000;
        bench.Vm.Put(0x9000, [0x06]); // PUSH ES does not exist in 64-bit mode.
        bench.Load(Loaded(Define("p", On(EventKind.PageFault)) with { Watch = [Watch(0x5000, 0x5FFF, PageAccess.ReadExecute)] }, Pf(() => Decision.Skip())));
        bench.Attach();

        Assert.Equal(EventAction.Retry, bench.SendPageFault(0x5000, PageAccess.Write));
        Assert.Equal(PageAccess.All, bench.Vm.Access(0x5000));
        Assert.Contains("length cannot be found", Assert.Single(bench.Statuses("policy-error")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Then_decides_without_code_and_raises_its_alert()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(
            Define("p", On(EventKind.Msr, then: new PolicyThen(DecisionKind.Keep, [new PolicyNotice("lstar-write", IsAlert: true)]))) with { Code = new PolicyCode() },
            (Delegate?)null));
        var reply = bench.Attach().Send(EventBody.Msr(Lstar, 0x10, 0x20));

        bench.Engine.Flush();
        Assert.Equal(0x10UL, BitConverter.ToUInt64(reply, 24));
        var alert = Assert.Single(bench.Sink.Records.OfType<NoticeOutput>());
        Assert.Equal(("lstar-write", true, EventKind.Msr), (alert.Name, alert.IsAlert, alert.Event));
        Assert.Contains(new OutputField("new", 0x20UL), alert.Fields);
    }

    private static Decision Make(DecisionKind kind) => kind switch
    {
        DecisionKind.Retry => Decision.Retry,
        DecisionKind.Set => Decision.Set(0x5000),
        DecisionKind.Keep => Decision.Keep(0x1000),
        DecisionKind.Skip => Decision.Skip(),
        DecisionKind.Inject => Decision.Inject(Exceptions.GeneralProtection),
        DecisionKind.Crash => Decision.Crash(),
        _ => Decision.Allow,
    };
}
