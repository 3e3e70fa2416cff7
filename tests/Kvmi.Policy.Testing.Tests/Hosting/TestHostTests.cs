using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Policy.Testing.Hosting;
using Kvmi.Protocol;

namespace Kvmi.Policy.Testing.Tests.Hosting;

public sealed class TestHostTests
{
    /// <summary>An event of every kind that a policy can have, and the word that a policy file has for it.</summary>
    private static readonly Dictionary<string, TestEvent> Events = new(StringComparer.Ordinal)
    {
        ["cr"] = TestEvent.Cr(4, 0x20, 0x30),
        ["msr"] = TestEvent.Msr(0xc000_0082, 0x1000, 0x2000),
        ["pf"] = TestEvent.PageFault(0x100_0000, PageAccess.Write, gva: 0xffff_ffff_8100_0000),
        ["breakpoint"] = TestEvent.Breakpoint(0x100_0000),
        ["descriptor"] = TestEvent.Descriptor(DescriptorTable.Idtr, isWrite: true),
        ["hypercall"] = TestEvent.Hypercall(),
        ["xsetbv"] = TestEvent.Xsetbv(0, 1, 3),
        ["trap"] = TestEvent.Trap(14, 2, 0xdead_0000),
        ["singlestep"] = TestEvent.Singlestep(),
        ["create-vcpu"] = TestEvent.CreateVcpu(),
        ["cpuid"] = TestEvent.Cpuid(1),
    };

    public static TheoryData<string> EventNames => [.. Events.Keys];

    [Theory]
    [MemberData(nameof(EventNames))]
    public void An_event_of_every_kind_reaches_its_handler(string name)
    {
        var what = Events[name];
        var type = what.Kind is EventKind.PageFault ? "PageFaultEvent" : $"{what.Kind}Event";
        using var host = TestHost.Start($$"""
            apiVersion: kvmi.policy/v1
            kind: Policy
            metadata: { id: seen, version: 1.0.0, title: Sees }
            spec:
              mode: enforce
              {{(name == "pf" ? "watch: [{ range: 0x1000000-0x1001000, access: r-- }]" : "priority: 1")}}
              subscriptions: [{ event: {{name}}, {{(name == "msr" ? "when: { msr: lstar }, " : "")}}handler: On }]
              script:
                inline: |
                  Decision On({{type}} e) { Record("seen", new { e.Vcpu, e.Rip, e.Cpl, e.Cr3 }); return {{(name == "pf" ? "Retry" : "Allow")}}; }
            """);
        Assert.Empty(host.Attached.Problems);
        var answer = host.Send(what.OnVcpu(1).At(0x1234_5000).InUserMode().InAddressSpace(0x7000));
        Assert.Empty(answer.Problems);
        var record = Assert.Single(answer.Records);
        Assert.Equal(("seen", "seen", PolicyMode.Enforce), (record.Policy, record.Name, record.Mode));
        Assert.Equal("1", Convert.ToString(record.Fields["vcpu"], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal((0x1234_5000UL, 0x7000UL), (record.Fields["rip"], record.Fields["cr3"]));
        Assert.Equal("3", Convert.ToString(record.Fields["cpl"], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal("seen", Assert.Single(answer.Votes).Policy);
        Assert.Equal(what.Kind is EventKind.PageFault ? DecisionKind.Retry : DecisionKind.Allow, answer.Decision);
    }

    [Fact]
    public void Every_kind_that_policies_can_have_has_a_builder() => Assert.Equal(
        Enum.GetValues<EventKind>().Where(kind => PolicyEvents.Find(kind) is not null).Order(), Events.Values.Select(what => what.Kind).Order());

    private const string Guard = """
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata: { id: guard, version: 1.0.0, title: Guards }
        spec:
          mode: enforce
          parameters: { limit: { type: int, default: 1 } }
          watch: [{ range: 0x2000-0x3000, access: r-x }]
          subscriptions:
            - { event: msr, when: { msr: lstar }, handler: OnLstar }
            - { event: pf, when: { access: w }, handler: OnWrite }
          script:
            inline: |
              var calls = State.Map<int, long>("calls", 4);
              Decision OnLstar(MsrEvent e)
              {
                  calls.TryGet(0, out var before);
                  calls.TrySet(0, before + 1);
                  Alert("moved", new { e.Old, call = before + 1, over = before + 1 > Params.Int("limit"), code = Memory.TryReadPhysical(0x5000, 2), at = Clock.UtcNow });
                  return Keep(e.Old);
              }
              Decision OnWrite(PageFaultEvent e) => Inject(Exceptions.InvalidOpcode);
        """;

    [Fact]
    public void An_answer_has_everything_that_came_of_an_event()
    {
        using var host = TestHost.Start(Guard);
        host.Vm.Memory.Write(0x5000, [0x0f, 0x0b]);
        var answer = host.Send(TestEvent.Msr(0xc000_0082, 0x1000, 0x2000));
        Assert.Equal((DecisionKind.Keep, 0x1000UL, "guard"), (answer.Decision, answer.Value, answer.Policy));
        Assert.Equal(new TestVote("guard", DecisionKind.Keep, IsAudit: false, Failed: false), Assert.Single(answer.Votes));
        var alert = Assert.Single(answer.Alerts);
        Assert.Equal((0x1000UL, 1L, false), (alert.Fields["old"], alert.Fields["call"], alert.Fields["over"]));
        Assert.Equal(new byte[] { 0x0f, 0x0b }, alert.Fields["code"]);
        Assert.False(answer.Reply.IsEmpty);
        Assert.Contains("guard", answer.Reason, StringComparison.Ordinal);
        Assert.Equal(true, Assert.Single(host.Send(TestEvent.Msr(0xc000_0082, 0x1000, 0x2000)).Alerts).Fields["over"]);
        Assert.Equal((byte)6, host.Send(TestEvent.PageFault(0x2008, PageAccess.Write)).Exception!.Value.Vector);
        Assert.Equal(6, Assert.Single(host.Vm.Injected).Exception.Vector);
        Assert.Equal(3, host.Summary().Events);
    }

    [Fact]
    public void Audit_changes_nothing_and_parameters_are_the_tests()
    {
        using var host = TestHost.Start(new TestHostOptions
        {
            PolicyTexts = [Guard],
            Mode = PolicyMode.Audit,
            Parameters = new Dictionary<string, object> { ["limit"] = 0 },
        });
        var answer = host.Send(TestEvent.Msr(0xc000_0082, 0x1000, 0x2000));
        Assert.Equal((DecisionKind.Allow, 0x2000UL, DecisionKind.Keep), (answer.Decision, answer.Value, answer.WouldHave));
        Assert.Null(answer.Policy);
        Assert.True(Assert.Single(answer.Votes).IsAudit);
        Assert.Equal((true, PolicyMode.Audit), (Assert.Single(answer.Alerts).Fields["over"], answer.Alerts[0].Mode));
    }

    [Fact]
    public void What_is_held_comes_back_when_the_VM_goes_and_again_when_it_returns()
    {
        using var host = TestHost.Start(Guard);
        Assert.Equal(PageAccess.Read | PageAccess.Execute, host.Vm.RestrictedPages[0x2000]);
        Assert.Equal(1, host.Leases.Pages);
        host.Detach();
        Assert.Empty(host.Vm.RestrictedPages);
        Assert.Equal((0, 0), (host.Leases.Pages, host.Leases.Traps));
        Assert.Throws<InvalidOperationException>(() => host.Send(TestEvent.Msr(0xc000_0082, 1, 2)));
        Assert.Throws<InvalidOperationException>(host.Detach);

        var other = new FakeVm(vcpuCount: 1, name: "other");
        Assert.Empty(host.Attach(other).Problems);
        Assert.Same(other, host.Vm);
        Assert.Single(other.RestrictedPages);
        Assert.Equal(DecisionKind.Keep, host.Send(TestEvent.Msr(0xc000_0082, 1, 2)).Decision);
        Assert.Throws<InvalidOperationException>(() => host.Attach());
    }

    [Fact]
    public void The_clock_is_the_tests()
    {
        using var host = TestHost.Start(Guard);
        host.Clock.Advance(TimeSpan.FromHours(1));
        var alert = Assert.Single(host.Send(TestEvent.Msr(0xc000_0082, 1, 2)).Alerts);
        Assert.StartsWith("01/01/2026 01:00:00", Assert.IsType<string>(alert.Fields["at"]), StringComparison.Ordinal);
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 1, 0, 0, 1, TimeSpan.Zero), host.Clock.GetUtcNow());
    }

    [Fact]
    public void A_handler_that_fails_is_a_problem_and_not_an_exception_of_the_test()
    {
        using var host = TestHost.Start(Guard.Replace("return Keep(e.Old);", "throw new Exception(\"boom\");", StringComparison.Ordinal));
        var answer = host.Send(TestEvent.Msr(0xc000_0082, 1, 2));
        Assert.Contains("boom", Assert.Single(answer.Problems), StringComparison.Ordinal);
        Assert.True(Assert.Single(answer.Votes).Failed);
    }

    [Fact]
    public void A_command_that_fails_and_a_dialect_that_lacks_something_can_be_tried()
    {
        var vm = new FakeVm();
        vm.Fail(CommandKind.SetPageAccess, KvmiError.NotPermitted);
        using var failing = TestHost.Start(new TestHostOptions { PolicyTexts = [Guard], Vm = vm });
        Assert.NotEmpty(failing.Attached.Problems);
        using var lacking = TestHost.Start(new TestHostOptions
        {
            PolicyTexts =
            [
                """
                apiVersion: kvmi.policy/v1
                kind: Policy
                metadata: { id: cpuid, version: 1.0.0, title: Needs v7 }
                spec:
                  mode: audit
                  requires: { events: [cpuid] }
                  subscriptions: [{ event: cpuid, then: { decision: allow } }]
                """,
            ],
            Vm = FakeVm.OfDialect(KvmiDialect.V12),
        });
        Assert.Contains("cpuid", Assert.Single(lacking.Attached.Problems), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void What_cannot_be_loaded_says_why_and_where()
    {
        var broken = Assert.Throws<TestHostException>(() => TestHost.Start("apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata: { id: Bad Id }\n"));
        Assert.Contains("text1.policy.yaml:3:", broken.Message, StringComparison.Ordinal);
        Assert.NotEmpty(broken.Findings);
        var script = Assert.Throws<TestHostException>(() => TestHost.Start(Guard.Replace("Keep(e.Old)", "Keep(e.Odl)", StringComparison.Ordinal)));
        Assert.Contains("'Odl'", script.Message, StringComparison.Ordinal);
        Assert.Contains("There is no policy to test", Assert.Throws<TestHostException>(() => TestHost.Start(new TestHostOptions())).Message, StringComparison.Ordinal);
        var plugin = Assert.Throws<TestHostException>(() => TestHost.Start(new TestHostOptions
        {
            PolicyTexts = [Guard.Replace("  mode: enforce", "  mode: enforce\n  requires: { plugins: [none] }", StringComparison.Ordinal)],
            Plugins = [typeof(TestHostTests).Assembly],
        }));
        Assert.Contains("is not a plugin", plugin.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_field_that_the_event_does_not_have_is_refused_where_it_is_given()
    {
        var wrong = Assert.Throws<ArgumentException>(() => TestEvent.Cr(3, 0, 1).With("rzx", 1));
        Assert.Contains("'rzx'", wrong.Message, StringComparison.Ordinal);
        using var host = TestHost.Start(Guard);
        Assert.Contains("vcpu 7 does not exist", Assert.Throws<ArgumentException>(() => host.Send(TestEvent.Msr(1, 0, 1).OnVcpu(7))).Message, StringComparison.Ordinal);
    }
}
