using System.Collections.Frozen;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Leases;

public sealed class SinglestepLeaseTests
{
    private static readonly EventBody Step = EventBody.Singlestep(failed: false);
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Fact]
    public void A_vcpu_steps_as_often_as_was_asked_and_then_runs_on()
    {
        var steps = 0;
        using var bench = new EngineBench();
        bench.Load(Stepper("a", count: 3, step: () => steps++));
        bench.Attach().Send(Write, 1);
        for (var i = 1; i <= 3; i++)
        {
            Assert.True(bench.Vm.IsOn("singlestep vcpu 1"));
            Assert.Equal(bench.Untouched(Step, 1), bench.Send(Step, 1));
            Assert.Equal(i, steps);
        }

        Assert.False(bench.Vm.IsOn("singlestep vcpu 1"));
        Assert.False(bench.Vm.IsOn("singlestep vcpu 0"));
    }

    [Fact]
    public void One_command_for_all_owners_and_each_hears_its_own_steps_only()
    {
        var heard = new List<string>();
        using var bench = new EngineBench();
        bench.Load(
            Stepper("a", count: 1, step: () => heard.Add("a")),
            Stepper("b", count: 2, step: () => heard.Add("b")),
            Loaded(Define("other", On(EventKind.Singlestep)), (PolicyHandler<SinglestepEvent>)(_ => { heard.Add("other"); return Decision.Allow; })));
        bench.Attach().Send(Write);
        Assert.Single(bench.Vm.Commands, command => command == "singlestep vcpu 0 on");
        bench.Send(Step);
        Assert.True(bench.Vm.IsOn("singlestep vcpu 0"));
        bench.Send(Step);
        Assert.Equal(["a", "b", "b"], heard);
        Assert.False(bench.Vm.IsOn("singlestep vcpu 0"));
    }

    [Fact]
    public void To_ask_for_the_next_step_from_within_a_step_costs_no_command()
    {
        using var bench = new EngineBench();
        var left = 5;
        bench.Load(Loaded(Define("a", OnCr3, On(EventKind.Singlestep)), services =>
        {
            PolicyHandler<SinglestepEvent> step = e => --left > 0 && !services.Singlestep.Start(e.Vcpu) ? Decision.Crash() : Decision.Allow;
            return [Cr(() => services.Singlestep.Start(0) ? Decision.Allow : Decision.Crash()), step];
        }));
        bench.Attach().Send(Write);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(bench.Untouched(Step), bench.Send(Step));
        }

        Assert.Equal(["singlestep vcpu 0 on", "singlestep vcpu 0 off"], bench.Vm.Commands.Where(command => command.StartsWith("singlestep", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_step_that_arrives_after_it_was_given_up_is_nobodys()
    {
        var heard = 0;
        using var bench = new EngineBench();
        bench.Load(Stepper("a", count: 2), Loaded(Define("other", On(EventKind.Singlestep)), (PolicyHandler<SinglestepEvent>)(_ => { heard++; return Decision.Crash(); })));
        bench.Attach().Send(Write);
        bench.Load(Loaded(Define("other", On(EventKind.Singlestep)), (PolicyHandler<SinglestepEvent>)(_ => { heard++; return Decision.Crash(); })));
        Assert.Equal(bench.Untouched(Step), bench.Send(Step));
        Assert.Equal(0, heard);
    }

    [Fact]
    public void Where_the_kernel_cannot_step_the_owner_hears_it_once_and_nothing_is_left()
    {
        var failures = 0;
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("a", OnCr3, On(EventKind.Singlestep)), services =>
        {
            PolicyHandler<SinglestepEvent> step = e =>
            {
                failures += e.Failed ? 1 : 0;
                Assert.Equal(0, services.Singlestep.Remaining(e.Vcpu));
                return Decision.Allow;
            };
            return [Cr(() => services.Singlestep.Start(0, 100) ? Decision.Allow : Decision.Crash()), step];
        }));
        bench.Attach().Send(Write);
        bench.Send(EventBody.Singlestep(failed: true));
        Assert.Equal(1, failures);

        // The kernel has switched it off by itself.
        Assert.DoesNotContain("singlestep vcpu 0 off", bench.Vm.Commands);
    }

    [Fact]
    public void Everything_that_ends_a_policy_or_its_power_gives_the_steps_back()
    {
        foreach (var end in (Action<EngineBench>[])[
            bench => { bench.Load(); bench.Handler.Idle(); },
            bench => { bench.Engine.SetMasterMode(MasterMode.Audit); bench.Handler.Idle(); },
            bench => { bench.Engine.SetMasterMode(MasterMode.Off); bench.Handler.Idle(); },
            bench => { Assert.True(bench.Engine.TrySetPolicyMode("a", PolicyMode.Audit, out _)); bench.Handler.Idle(); },
            bench => bench.Handler.Detaching(DetachReason.Unhook),
            bench => { bench.Load(Stepper("a", count: 9, mode: PolicyMode.Audit)); bench.Handler.Idle(); },
            bench => { bench.Load(Loaded(Define("a", OnCr3), Cr(() => Decision.Allow))); bench.Handler.Idle(); },
        ])
        {
            using var bench = new EngineBench();
            bench.Load(Stepper("a", count: 9));
            bench.Attach().Send(Write);
            bench.Send(Write, 1);
            Assert.True(bench.Vm.IsOn("singlestep vcpu 0") && bench.Vm.IsOn("singlestep vcpu 1"));
            end(bench);
            Assert.False(bench.Vm.IsOn("singlestep vcpu 0") || bench.Vm.IsOn("singlestep vcpu 1"));
            Assert.Empty(bench.Statuses("lease-error"));
        }
    }

    [Fact]
    public void Quarantine_gives_the_steps_back()
    {
        using var bench = new EngineBench();
        var definition = Define("a", OnCr3, On(EventKind.Singlestep)) with { OnError = new PolicyErrorHandling(DecisionKind.Allow, 1, TimeSpan.FromMinutes(1)) };
        bench.Load(Loaded(definition, services =>
        {
            PolicyHandler<SinglestepEvent> step = _ => throw new InvalidOperationException("bad");
            return [Cr(() => services.Singlestep.Start(0, 50) ? Decision.Allow : Decision.Crash()), step];
        }));
        bench.Attach().Send(Write);
        bench.Send(Step);
        Assert.Single(bench.Statuses("quarantined"));
        Assert.False(bench.Vm.IsOn("singlestep vcpu 0"));
    }

    [Fact]
    public void In_audit_mode_the_guest_is_not_stepped_and_it_is_told_once()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("a", OnCr3, On(EventKind.Singlestep)) with { Mode = PolicyMode.Audit }, services =>
        [
            Cr(() =>
            {
                Assert.False(services.Singlestep.Start(0));
                return Decision.Allow;
            }),
            (PolicyHandler<SinglestepEvent>)(_ => Decision.Allow),
        ]));
        bench.Attach();
        Assert.Equal(bench.Untouched(Write), bench.Send(Write));
        Assert.Equal(bench.Untouched(Write), bench.Send(Write));
        Assert.DoesNotContain(bench.Vm.Commands, command => command.StartsWith("singlestep", StringComparison.Ordinal));
        Assert.Contains("would have stepped vCPU 0", Assert.Single(bench.Statuses("would-singlestep")).Message, StringComparison.Ordinal);
        Assert.Empty(bench.Statuses("policy-error"));
    }

    [Fact]
    public void A_policy_that_does_not_hear_of_the_step_cannot_ask_for_it()
    {
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("a", OnCr3), services => { services.Singlestep.Start(0); return []; }),
            Loaded(
                Define("b", On(EventKind.Singlestep)) with { Target = new PolicyTarget { Vcpus = [new ValueRange(1, 1)] } },
                services => { services.Singlestep.Start(0); return []; }));
        bench.Attach();
        Assert.All(bench.Statuses("refused"), status => Assert.Contains("does not subscribe to singlestep", status.Message, StringComparison.Ordinal));
        Assert.Equal(2, bench.Statuses("refused").Length);
    }

    [Fact]
    public void What_the_kernel_refuses_and_vcpus_that_do_not_exist_are_false()
    {
        using var bench = new EngineBench();
        bench.Vm.Fail = command => command.StartsWith("singlestep", StringComparison.Ordinal) ? KvmiError.NotSupported : KvmiError.None;
        var answers = new List<bool>();
        bench.Load(Loaded(Define("a", OnCr3, On(EventKind.Singlestep)), services =>
        [
            Cr(() =>
            {
                answers.Add(services.Singlestep.Start(0));
                answers.Add(services.Singlestep.Start(999));
                return Decision.Allow;
            }),
            (PolicyHandler<SinglestepEvent>)(_ => Decision.Allow),
        ]));
        bench.Attach().Send(Write);
        Assert.Equal([false, false], answers);
    }

    [Fact]
    public void A_dialect_or_administrator_without_it_refuses_the_policy_with_the_reason()
    {
        foreach (var (capabilities, reason) in ((Func<VmCapabilities, VmCapabilities>, string)[])[
            (c => c with { Dialect = KvmiDialect.RfcV5, Events = c.Events.Where(kind => kind != EventKind.Singlestep).ToFrozenSet() }, "the event singlestep, which this VM does not offer in the rfc-v5 dialect"),
            (c => c with { Events = c.Events.Where(kind => kind != EventKind.Singlestep).ToFrozenSet(), ForbiddenEvents = [EventKind.Singlestep] }, "the event singlestep, which the VM's administrator forbids"),
            (c => c with { Commands = c.Commands.Where(kind => kind != CommandKind.ControlSinglestep).ToFrozenSet(), AbsentCommands = [CommandKind.ControlSinglestep] }, "the command control-singlestep, which this VM's kernel is too old for"),
        ])
        {
            using var bench = new EngineBench();
            bench.Vm.Capabilities = capabilities(bench.Vm.Capabilities);
            bench.Load(Stepper("a", count: 1));
            bench.Attach();
            Assert.Contains(reason, Assert.Single(bench.Statuses("refused")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_injection_is_not_lost_to_a_vcpu_that_steps()
    {
        using var bench = new EngineBench();
        bench.Vm.Fail = command =>
            command.StartsWith("inject", StringComparison.Ordinal) && bench.Vm.IsOn("singlestep vcpu 0") ? KvmiError.Busy : KvmiError.None;
        bench.Load(Stepper("a", count: 5), Loaded(Define("b", On(EventKind.Msr)), Msr(() => Decision.Inject(new GuestException(13, 0, 0)))));
        bench.Attach().Send(Write);
        bench.Send(EventBody.Msr(Lstar, 1, 2));
        Assert.Equal(DecisionKind.Inject, bench.Handler.LastOutcome.Decision);
        Assert.True(bench.Vm.IsOn("singlestep vcpu 0"));
    }

    [Fact]
    public void One_instruction_runs_on_a_guarded_page_and_the_page_is_closed_behind_it()
    {
        const ulong Page = 0x5000;
        using var bench = new EngineBench();
        var definition = Define("a", On(EventKind.PageFault), On(EventKind.Singlestep)) with { Watch = [Watch(Page, Page + 0xFFF, PageAccess.ReadExecute)] };
        bench.Load(Loaded(definition, services =>
        {
            PolicyHandler<PageFaultEvent> fault = e =>
            {
                if (!services.Singlestep.Start(e.Vcpu))
                {
                    return Decision.Crash();
                }

                services.Pages.Release(e.Gpa);
                return Decision.Retry;
            };
            PolicyHandler<SinglestepEvent> step = _ => services.Pages.Set(Page, PageAccess.ReadExecute) ? Decision.Allow : Decision.Crash();
            return [fault, step];
        }));
        bench.Attach();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(EventAction.Retry, bench.SendPageFault(Page + 8, PageAccess.Write));
            Assert.Equal(PageAccess.All, bench.Vm.Access(Page));
            Assert.Equal(bench.Untouched(Step), bench.Send(Step));
            Assert.Equal(PageAccess.ReadExecute, bench.Vm.Access(Page));
            Assert.False(bench.Vm.IsOn("singlestep vcpu 0"));
        }
    }

    [Fact]
    public void A_rate_that_samples_leaves_no_step_out_that_the_policy_asked_for()
    {
        var steps = 0;
        using var bench = new EngineBench();
        var rate = PolicyBudget.Default with { Rate = new PolicyRate(1, TimeSpan.FromHours(1), PolicyRateAction.Sample) };
        bench.Load(Loaded(Define("a", OnCr3, On(EventKind.Singlestep)) with { Budget = rate }, services =>
        {
            PolicyHandler<SinglestepEvent> step = _ =>
            {
                steps++;
                return Decision.Allow;
            };
            return [Cr(() => services.Singlestep.Start(0, 5) ? Decision.Allow : Decision.Crash()), step];
        }));
        bench.Attach().Send(Write);
        for (var i = 0; i < 5; i++)
        {
            bench.Send(Step);
        }

        Assert.Equal(5, steps);
        Assert.False(bench.Vm.IsOn("singlestep vcpu 0"));
    }

    [Fact]
    public void At_the_deadline_of_a_step_only_those_who_asked_for_it_count()
    {
        var action = EventAction.Retry;
        var crashing = new PolicyErrorHandling(DecisionKind.Crash, 0, TimeSpan.FromMinutes(1));
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("a", OnCr3, On(EventKind.Singlestep)), services =>
            {
                PolicyHandler<SinglestepEvent> step = e =>
                {
                    // The watchdog's answer while this handler runs.
                    var reply = default(EventReply);
                    bench.Handler.OnDeadline(e.Frame, ref reply);
                    action = reply.Action;
                    return Decision.Allow;
                };
                return [Cr(() => services.Singlestep.Start(0) ? Decision.Allow : Decision.Crash()), step];
            }),
            Loaded(Define("other", On(EventKind.Singlestep)) with { OnError = crashing }, (PolicyHandler<SinglestepEvent>)(_ => Decision.Allow)));
        bench.Attach().Send(Write);
        bench.Send(Step);
        Assert.Equal(EventAction.Continue, action);
    }

    private static GenerationPolicy Stepper(string id, int count, Action? step = null, PolicyMode mode = PolicyMode.Enforce) =>
        Loaded(Define(id, OnCr3, On(EventKind.Singlestep)) with { Mode = mode }, services =>
        {
            PolicyHandler<CrEvent> start = e => services.Singlestep.Start(e.Vcpu, count) ? Decision.Allow : Decision.Crash();
            PolicyHandler<SinglestepEvent> stepped = _ =>
            {
                step?.Invoke();
                return Decision.Allow;
            };
            return [start, stepped];
        });
}
