using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Output.Alerts;
using Kvmi.Policy.Engine.Tests.Configuration;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Decisions;

/// <summary>Subscriptions without code: what they decide and what they write.</summary>
public sealed class ThenTests
{
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Theory]
    [InlineData("{ decision: allow }", EventAction.Continue, 0x2000, "")]
    [InlineData("{ decision: keep }", EventAction.Continue, 0x1000, "")]
    [InlineData("{ decision: set, value: 0x5000 }", EventAction.Continue, 0x5000, "")]
    [InlineData("{ decision: inject, exception: gp }", EventAction.Continue, 0x1000, "inject 0 13")]
    [InlineData("{ decision: inject, exception: 6 }", EventAction.Continue, 0x1000, "inject 0 6")]
    [InlineData("{ decision: crash }", EventAction.Crash, 0x1000, "")]
    public void Each_decision_about_a_register_is_carried_out(string then, EventAction action, ulong value, string command)
    {
        using var bench = Bench($"  subscriptions: [{{ event: cr, when: {{ cr: 3 }}, then: {then} }}]");
        bench.Attach();
        bench.Vm.Commands.Clear();

        var reply = bench.Send(Write);

        Assert.Equal((byte)action, reply[16]);
        Assert.Equal(value, BitConverter.ToUInt64(reply, 24));
        Assert.Equal(command.Length == 0 ? [] : [command], bench.Vm.Commands);
    }

    [Fact]
    public void A_skip_moves_behind_the_instruction()
    {
        using var bench = Bench("  subscriptions: [{ event: pf, when: { access: w }, then: { decision: skip } }]\n  watch: [{ range: 0x5000-0x6000, access: r-x }]");
        bench.State.Regs.Rip = 0x9000;
        bench.Vm.Put(0x9000, [0x48, 0x89, 0x03]);
        bench.Attach();

        Assert.Equal(EventAction.Retry, bench.SendPageFault(0x5008, PageAccess.Write));
        Assert.Equal(0x9003UL, bench.Vm.LastRegisters.Rip);
    }

    [Fact]
    public void Alerts_and_records_come_in_order_with_the_fields_and_the_severity_that_were_asked_for()
    {
        using var bench = Bench(
            """
              subscriptions:
                - event: cr
                  when: { cr: 3 }
                  then:
                    decision: keep
                    alert: [{ name: one, severity: critical, fields: [rip, old, new] }, two]
                    record: [{ name: three, fields: [] }, { name: four, fields: [cpl, vcpu] }]
            """);
        bench.Attach().Send(Write);
        bench.Engine.Flush();

        var notices = bench.Sink.Records.OfType<NoticeOutput>().ToList();
        Assert.Equal([("one", true), ("two", true), ("three", false), ("four", false)], notices.Select(notice => (notice.Name, notice.IsAlert)));
        Assert.Equal([PolicySeverity.Critical, PolicySeverity.Medium], notices.Where(notice => notice.IsAlert).Select(notice => notice.Severity));
        Assert.Equal([new("rip", bench.State.Regs.Rip), new("old", 0x1000UL), new("new", 0x2000UL)], notices[0].Fields);
        Assert.Equal(["cr", "old", "new", "vcpu", "rip"], notices[1].Fields.Select(field => field.Name));
        Assert.Empty(notices[2].Fields);
        Assert.Equal([new("cpl", 0L), new("vcpu", 0UL)], notices[3].Fields);
    }

    [Fact]
    public void What_a_dialect_does_not_tell_is_left_out()
    {
        using var bench = Bench("  subscriptions: [{ event: xsetbv, then: { decision: allow, alert: { name: x, fields: [old, rip, xcr] } } }]");
        bench.Attach().Send(EventBody.Xsetbv(0, 1, 3));
        bench.Engine.Flush();

        Assert.Equal(["rip"], Assert.Single(bench.Sink.Records.OfType<NoticeOutput>()).Fields.Select(field => field.Name));
    }

    [Fact]
    public void In_audit_mode_it_reports_and_leaves_the_guest_alone()
    {
        using var bench = Bench("  mode: audit\n  subscriptions: [{ event: cr, when: { cr: 3 }, then: { decision: set, value: 7, alert: a } }]");
        bench.Attach();

        Assert.Equal(bench.Untouched(Write), bench.Send(Write));
        bench.Engine.Flush();
        Assert.Equal("a", Assert.Single(bench.Sink.Records.OfType<NoticeOutput>()).Name);
        Assert.Equal(DecisionKind.Set, bench.Handler.LastOutcome.WouldHave);
    }

    [Fact]
    public void A_site_severity_stands_above_that_of_an_alert()
    {
        var site = new Kvmi.Policy.Engine.Configuration.Site.SiteSettings
        {
            Policies = new Dictionary<string, Kvmi.Policy.Engine.Configuration.Site.SitePolicy> { ["p"] = new() { Severity = PolicySeverity.Low } },
        };
        var policy = PolicyText.MustLoadSpec(
            "  mode: enforce\n  subscriptions: [{ event: cr, then: { decision: keep, alert: { name: a, severity: high } } }]", PolicyText.Options with { Site = site });
        Assert.Null(Assert.Single(policy.Subscriptions[0].Then!.Notices).Severity);
        Assert.Equal(PolicySeverity.Low, policy.Severity);
    }

    // An alert of three chosen fields may not cost more than the same alert of five fields always did.
    [Fact]
    public void Choosing_fields_costs_no_more_than_not_choosing_them()
    {
        var plain = BytesOf("alert: a");
        Assert.InRange(BytesOf("alert: { name: a, fields: [old, new, rip], severity: high }"), 1, plain);
        Assert.InRange(BytesOf("alert: { name: a, fields: [cr, old, new, vcpu, rip] }"), 1, plain);
        Assert.Equal(0, BytesOf("value: 0x5000", "set"));
    }

    [Fact]
    public void The_schema_and_the_engine_name_the_same_fields()
    {
        var schema = new Kvmi.Policy.Engine.Configuration.Schema.EmbeddedSchema("policy-schema.yaml").Tree;
        Assert.Equal(
            schema["definitions"]!["eventField"]!["enum"]!.Items.Select(item => item.Text).Order(StringComparer.Ordinal),
            AlertEventFields.All.Order(StringComparer.Ordinal));
    }

    private static long BytesOf(string rest, string decision = "keep")
    {
        using var bench = Bench($"  subscriptions: [{{ event: cr, when: {{ cr: 3 }}, then: {{ decision: {decision}, {rest} }} }}]");
        bench.Attach();
        const int Rounds = 64;
        var least = long.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < Rounds; i++)
                bench.Send(Write);

            var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < Rounds; i++)
                bench.Untouched(Write);

            least = Math.Min(least, bytes - (GC.GetAllocatedBytesForCurrentThread() - before));
            bench.Engine.Flush();
        }

        return least / Rounds;
    }

    private static EngineBench Bench(string spec)
    {
        var text = spec.Contains("mode:", StringComparison.Ordinal) ? spec : $"  mode: enforce\n{spec}";
        var policy = PolicyText.MustLoadSpec(text);
        var bench = new EngineBench();
        bench.Load(Loaded(policy, new Delegate?[policy.Subscriptions.Count]));
        return bench;
    }
}
