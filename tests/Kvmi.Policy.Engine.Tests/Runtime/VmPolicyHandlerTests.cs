using System.Collections.Frozen;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

public sealed class VmPolicyHandlerTests
{
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Fact]
    public void A_swap_is_taken_over_between_two_events_and_releases_the_old_generation()
    {
        using var bench = new EngineBench();
        var first = bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Allow)));
        bench.Attach().Send(Write);
        Assert.Equal(DecisionKind.Allow, bench.Handler.LastOutcome.Decision);

        bench.Vm.Commands.Clear();
        var second = bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Keep(0x1000))));
        Assert.False(first.Disposed);
        bench.Send(Write);
        Assert.Equal(DecisionKind.Keep, bench.Handler.LastOutcome.Decision);
        Assert.True(first.Disposed);
        Assert.False(second.Disposed);
        Assert.Empty(bench.Vm.Commands);

        bench.Handler.Detaching(DetachReason.Stopping);
        bench.Engine.Dispose();
        Assert.True(second.Disposed);
    }

    [Fact]
    public void A_swap_made_by_a_handler_waits_for_the_next_event()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("p", OnCr3), Cr(() =>
        {
            bench.Load(Loaded(Define("q", OnCr3), Cr(() => Decision.Keep(0x1000))));
            return Decision.Set(0x7000);
        })));
        bench.Attach();

        Assert.Equal(0x7000UL, BitConverter.ToUInt64(bench.Send(Write), 24));
        Assert.Equal("p", bench.Handler.LastOutcome.Winner);
        bench.Send(Write);
        Assert.Equal("q", bench.Handler.LastOutcome.Winner);
    }

    [Fact]
    public void A_policy_that_cannot_start_is_refused_and_the_others_go_on()
    {
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("bad", On(EventKind.Msr)), _ => throw new InvalidOperationException("no luck")),
            Loaded(Define("wrong", OnCr3), Msr(() => Decision.Allow)),
            Loaded(Define("good", OnCr3), Cr(() => Decision.Keep(0x1000))));
        bench.Attach().Send(Write);

        Assert.Equal("good", bench.Handler.LastOutcome.Winner);
        Assert.False(bench.Vm.IsOn("msr 0xc0000082 vcpu 0"));
        var refused = bench.Statuses("refused");
        Assert.Equal(["bad", "wrong"], refused.Select(status => status.Policy));
        Assert.Contains("no luck", refused[0].Message, StringComparison.Ordinal);
        Assert.Contains("PolicyHandler<CrEvent>", refused[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Kept_state_and_pages_survive_a_reload_and_dropped_ones_do_not()
    {
        foreach (var keep in (bool[])[true, false])
        {
            using var bench = new EngineBench();
            var counts = new List<int>();
            GenerationPolicy Make() => Loaded(
                Define("p", On(EventKind.PageFault)) with
                {
                    State = new PolicyStateSettings(PolicyStateScope.Vm, keep),
                    Watch = [Watch(0x1000, 0x2FFF, PageAccess.ReadExecute)],
                },
                services =>
                {
                    var seen = services.State.Set<ulong>("seen", 16);
                    counts.Add(seen.Count);
                    PolicyHandler<PageFaultEvent> fault = e =>
                    {
                        seen.Add(e.Gpa);
                        services.Pages.Set(e.Gpa, PageAccess.ReadWrite);
                        return Decision.Retry;
                    };
                    return [fault];
                });
            bench.Load(Make());
            bench.Attach();
            bench.SendPageFault(0x1000, PageAccess.Write);
            bench.Vm.Commands.Clear();
            bench.Load(Make());
            bench.Handler.Idle();

            Assert.Equal(keep ? [0, 1] : [0, 0], counts);
            Assert.Equal(keep ? PageAccess.ReadWrite : PageAccess.ReadExecute, bench.Vm.Access(0x1000));
            Assert.Equal(PageAccess.ReadExecute, bench.Vm.Access(0x2000));
            Assert.DoesNotContain("page 0x2000 All", bench.Vm.Commands);
        }
    }

    [Fact]
    public void A_changed_watch_of_a_kept_policy_moves_without_a_gap()
    {
        using var bench = new EngineBench();
        GenerationPolicy Make(ulong last, PageAccess access) => Loaded(
            Define("p", On(EventKind.PageFault)) with { Watch = [Watch(0x1000, last, access)] }, Pf(() => Decision.Allow));
        bench.Load(Make(0x3FFF, PageAccess.ReadExecute));
        bench.Attach();
        bench.Vm.Commands.Clear();
        bench.Load(Make(0x1FFF, PageAccess.Read));
        bench.Handler.Idle();

        Assert.Equal(["page 0x1000 Read", "page 0x2000 All", "page 0x3000 All"], bench.Vm.Commands);
    }

    [Fact]
    public void Too_many_errors_take_the_policy_out_of_service_until_the_next_generation()
    {
        using var bench = new EngineBench();
        var before = bench.Vm.Snapshot();
        GenerationPolicy Make() => Loaded(
            Define("p", OnCr3) with { OnError = new PolicyErrorHandling(DecisionKind.Keep, 3, TimeSpan.FromMinutes(1)) },
            Cr(() => throw new InvalidOperationException("bad day")));
        bench.Load(Make());
        bench.Attach();

        // Two errors that are too far apart do not count together with the later ones.
        bench.Send(Write);
        bench.Send(Write);
        bench.Time.Advance(TimeSpan.FromMinutes(2));
        bench.Send(Write);
        bench.Send(Write);
        Assert.Empty(bench.Statuses("quarantined"));
        Assert.Equal(0x1000UL, BitConverter.ToUInt64(bench.Send(Write), 24));
        Assert.Equal("p", Assert.Single(bench.Statuses("quarantined")).Policy);
        Assert.Equal(before, bench.Vm.Snapshot());
        Assert.Equal(bench.Untouched(Write), bench.Send(Write));

        bench.Load(Make());
        Assert.Equal(0x1000UL, BitConverter.ToUInt64(bench.Send(Write), 24));
    }

    [Fact]
    public void A_failing_handler_does_not_flood_the_output()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(
            Define("p", OnCr3) with { OnError = new PolicyErrorHandling(DecisionKind.Allow, 0, TimeSpan.Zero) },
            Cr(() => throw new InvalidOperationException("bad day"))));
        bench.Attach();
        for (var i = 0; i < 100; i++)
        {
            bench.Send(Write);
        }

        Assert.Equal(5, bench.Statuses("policy-error").Length);
        bench.Time.Advance(TimeSpan.FromMinutes(1));
        bench.Send(Write);
        Assert.Contains("95 more errors", bench.Statuses("policy-error")[^1].Message, StringComparison.Ordinal);
        Assert.Equal(101, bench.Engine.GetSummary().Errors);
    }

    [Theory]
    [InlineData(CommandKind.ControlMsr, "control-msr")]
    [InlineData(CommandKind.ControlEvents, "control-events")]
    [InlineData(CommandKind.InjectException, "inject-exception")]
    public void A_missing_command_refuses_the_policy_with_its_name(CommandKind missing, string name)
    {
        var vm = new FakeVm();
        vm.Capabilities = vm.Capabilities with { Commands = vm.Capabilities.Commands.Where(c => c != missing).ToFrozenSet() };
        using var bench = new EngineBench(vm);
        var definition = Define("p", On(EventKind.Msr)) with { Requires = new PolicyRequirements { Commands = [CommandKind.InjectException] } };
        bench.Load(Loaded(definition, Msr(() => Decision.Keep(0))));
        bench.Attach();

        Assert.Empty(vm.Commands);
        Assert.Contains($"command {name}", Assert.Single(bench.Statuses("refused")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(EventKind.Msr, "event msr")]
    [InlineData(EventKind.PageFault, "event pf")]
    public void A_missing_event_refuses_the_policy_with_its_name(EventKind missing, string name)
    {
        var vm = new FakeVm();
        vm.Capabilities = vm.Capabilities with { Events = vm.Capabilities.Events.Where(e => e != missing).ToFrozenSet() };
        using var bench = new EngineBench(vm);
        bench.Load(Loaded(
            Define("p", On(EventKind.Msr)) with { Watch = [Watch(0x1000, 0x1FFF, PageAccess.Read)] }, Msr(() => Decision.Allow)));
        bench.Attach();
        Assert.Contains(name, Assert.Single(bench.Statuses("refused")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KvmiDialect.V12, "it is written for v12, rfc-v5 (requires.dialect), and this VM speaks v7.")]
    [InlineData(KvmiDialect.V7, null)]
    public void A_policy_for_other_dialects_is_refused(KvmiDialect written, string? reason)
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(
            Define("p", On(EventKind.Msr)) with { Requires = new PolicyRequirements { Dialects = [written, KvmiDialect.RfcV5] } }, Msr(() => Decision.Allow)));
        bench.Attach();
        var refused = bench.Statuses("refused");
        Assert.Equal(reason is null ? 0 : 1, refused.Length);
        Assert.All(refused, status => Assert.Contains(reason!, status.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void The_schema_names_the_dialects_that_are_built()
    {
        var line = string.Join(", ", Dialect.All.Select(dialect => dialect.Name));
        Assert.Contains($"enum: [{line}]", PolicySchema.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("web*", true)]
    [InlineData("web01", true)]
    [InlineData("db*", false)]
    public void A_target_chooses_the_vms(string pattern, bool chosen)
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("p", OnCr3) with { Target = new PolicyTarget { Names = [pattern] } }, Cr(() => Decision.Keep(0x1000))));
        bench.Attach().Send(Write);
        Assert.Equal(chosen ? "p" : null, bench.Handler.LastOutcome.Winner);
        Assert.Empty(bench.Statuses("refused"));
    }

    [Theory]
    [InlineData("web*", true)]
    [InlineData("lab", false)]
    [InlineData(null, false)]
    public void Tags_of_a_target_and_of_a_known_good_case_choose_among_vms(string? tagged, bool chosen)
    {
        using var bench = new EngineBench();
        IReadOnlyList<string> names = tagged is null ? [] : [tagged];
        var good = new PolicyException("lab", [], EventFilter.Any, DateOnly.MaxValue, "lab", default) { TaggedNames = names };
        bench.Load(
            Loaded(Define("targeted", OnCr3) with { Target = new PolicyTarget { TaggedNames = names } }, Cr(() => Decision.Keep(0x1000))),
            Loaded(Define("excepted", OnCr3) with { Exceptions = [good] }, Cr(() => Decision.Keep(0x1000))));
        bench.Attach().Send(Write);
        Assert.Equal(chosen ? "targeted" : "excepted", bench.Handler.LastOutcome.Winner);
        Assert.Equal(1, bench.Handler.LastOutcome.VoteCount);
    }

    [Fact]
    public void A_vm_of_another_system_is_refused_with_the_reason()
    {
        using var bench = new EngineBench();
        var requires = new PolicyRequirements { OtherGuests = [new("web*", "it is written for guests with os linux.")] };
        bench.Load(Loaded(Define("p", OnCr3) with { Requires = requires }, Cr(() => Decision.Keep(0x1000))));
        bench.Attach().Send(Write);
        Assert.Equal(0, bench.Handler.LastOutcome.VoteCount);
        Assert.Contains("it is written for guests with os linux.", Assert.Single(bench.Statuses("refused")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Known_good_cases_hold_until_they_expire()
    {
        using var bench = new EngineBench();
        var exception = new PolicyException(
            "kexec", ["web*"], new EventFilter { NewValues = [new ValueRange(0x2000, 0x2000)] }, new DateOnly(2026, 1, 1), "lab", default);
        bench.Load(Loaded(Define("p", OnCr3) with { Exceptions = [exception] }, Cr(() => Decision.Keep(0x1000))));
        bench.Attach();

        bench.Send(Write);
        Assert.Equal(0, bench.Handler.LastOutcome.VoteCount);
        bench.Time.Advance(TimeSpan.FromDays(1));
        bench.Send(Write);
        Assert.Equal(DecisionKind.Keep, bench.Handler.LastOutcome.Decision);
    }

    [Fact]
    public void A_known_good_case_does_not_cover_an_event_that_lacks_its_fields()
    {
        using var bench = new EngineBench();
        var small = new ValueRange(0, 0xFFFF);
        PolicyException Case(string name, EventFilter filter) => new(name, [], filter, DateOnly.MaxValue, "lab", default);
        PolicyHandler<BreakpointEvent> breakpoint = _ => Decision.Retry;
        var definition = Define("p", OnCr3, On(EventKind.Breakpoint)) with
        {
            Exceptions =
            [
                Case("a register value", new EventFilter { NewValues = [small] }),
                Case("the same, old", new EventFilter { OldValues = [small] }),
                Case("an address that no event here has", new EventFilter { Gva = [small] }),
            ],
        };
        bench.Load(Loaded(definition, Cr(() => Decision.Keep(0x1000)), breakpoint));
        bench.Attach();

        bench.Send(EventBody.Breakpoint(0x90000, 1));
        Assert.Equal(1, bench.Handler.LastOutcome.VoteCount);
        bench.Send(Write);
        Assert.Equal(0, bench.Handler.LastOutcome.VoteCount);
        bench.Send(EventBody.Cr(3, 0x100000, 0x200000));
        Assert.Equal(1, bench.Handler.LastOutcome.VoteCount);
    }

    [Theory]
    [InlineData(DecisionKind.Keep)]
    [InlineData(DecisionKind.Allow)]
    public void A_register_vote_that_the_vm_cannot_carry_out_becomes_the_declared_error_decision(DecisionKind onError)
    {
        using var bench = new EngineBench();
        bench.Vm.Capabilities = bench.Vm.Capabilities with
        {
            Commands = bench.Vm.Capabilities.Commands.Where(c => c != CommandKind.InjectException).ToFrozenSet(),
        };
        var definition = Define("p", OnCr3) with { OnError = new PolicyErrorHandling(onError, 0, TimeSpan.FromMinutes(1)) };
        bench.Load(Loaded(definition, Cr(() => Decision.Inject(Exceptions.GeneralProtection))));
        bench.Attach().Send(Write);

        Assert.Equal(onError, bench.Handler.LastOutcome.Decision);
        Assert.Contains("inject-exception", Assert.Single(bench.Statuses("policy-error")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plugin_services_are_there_before_scripts_start_and_only_for_those_that_name_the_plugin()
    {
        using var bench = new EngineBench();
        var script = Define("a-script", OnCr3) with { Requires = new PolicyRequirements { Plugins = ["census"] } };
        var plugin = Define("z-plugin", OnCr3) with { Code = new PolicyCode { Plugin = "census", PluginType = "Census" } };
        Func<IPolicyServices, Delegate?[]> reader = services =>
        {
            Assert.Equal("1.2", services.Service<Version>().ToString());
            return [Cr(() => Decision.Keep(0x1000))];
        };
        bench.Load(
            Loaded(script, reader),
            Loaded(Define("b-stranger", OnCr3), reader),
            Loaded(plugin, services =>
            {
                services.Publish(new Version(1, 2));
                return [Cr(() => Decision.Allow)];
            }));
        bench.Attach().Send(Write);

        Assert.Equal("a-script", bench.Handler.LastOutcome.Winner);
        Assert.Equal("b-stranger", Assert.Single(bench.Statuses("refused")).Policy);
    }

    [Fact]
    public void A_lost_connection_unwinds_through_handlers_and_lets_the_generation_go()
    {
        using var bench = new EngineBench();
        var life = bench.Load(Loaded(Define("p", OnCr3), services => [Cr(() =>
        {
            services.Memory.TryReadPhysical(0x1000, 8);
            return Decision.Allow;
        })]));
        bench.Attach();
        bench.Vm.Lost = true;

        Assert.Throws<VmConnectionLostException>(() => bench.Send(Write));
        bench.Handler.Detaching(DetachReason.PeerLost);
        bench.Engine.Dispose();
        Assert.True(life.Disposed);
        Assert.All(bench.Sink.Records, record => Assert.Equal("in-service", Assert.IsType<StatusOutput>(record).Status));
    }

    [Fact]
    public void Parameters_alerts_and_facts_reach_policy_output_and_summary()
    {
        using var bench = new EngineBench();
        var parameter = new PolicyParameter("ranges", ParameterType.GpaRange, IsList: true, new object[] { new ValueRange(0x1000, 0x2FFF) }, null, default);
        var definition = Define("p", OnCr3) with
        {
            Parameters = new Dictionary<string, PolicyParameter> { ["ranges"] = parameter },
            Alerts = new PolicyAlertSettings(["root"], TimeSpan.FromMinutes(10)),
        };
        bench.Load(Loaded(definition, services =>
        {
            var ranges = services.Parameters.List("ranges");
            var fact = services.Facts.Get("seen");
            Assert.Throws<ArgumentException>(() => services.Parameters.Int("ranges"));
            Assert.Throws<ArgumentException>(() => services.Parameters.Bool("nope"));
            PolicyHandler<CrEvent> handler = e =>
            {
                fact.Value++;
                if (ranges.Contains(e.New))
                {
                    services.Alert("in-range", new { Root = e.New, e.Vcpu, Code = new byte[400], Text = new string('x', 5000) });
                }

                return Decision.Allow;
            };
            return [handler];
        }));
        bench.Attach();
        bench.Send(Write);
        bench.Send(Write);
        bench.Send(EventBody.Cr(3, 0, 0x9000));
        bench.Time.Advance(TimeSpan.FromMinutes(11));
        bench.Send(Write);
        bench.Engine.Flush();

        var alerts = bench.Sink.Records.OfType<NoticeOutput>().ToArray();
        Assert.Equal(2, alerts.Length);
        Assert.Equal(["root", "vcpu", "code", "text"], alerts[0].Fields.Select(field => field.Name));
        Assert.Equal(0x2000UL, alerts[0].Fields[0].Value);
        Assert.Equal(256, Assert.IsType<byte[]>(alerts[0].Fields[2].Value).Length);
        Assert.Equal(1024, Assert.IsType<string>(alerts[0].Fields[3].Value).Length);
        var summary = Assert.Single(bench.Engine.GetSummary().Policies);
        Assert.Equal((4, 2, 1), (summary.Events, summary.Alerts, summary.SuppressedAlerts));
        Assert.Equal(4, Assert.Single(summary.Facts).Value);
        Assert.Equal(4, summary.Decisions[DecisionKind.Allow]);
    }
}
