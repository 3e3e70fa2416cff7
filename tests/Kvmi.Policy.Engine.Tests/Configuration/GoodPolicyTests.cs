using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Tests.Configuration;

public class GoodPolicyTests
{
    [Theory]
    [InlineData("{ limit: 20000/s, onExceed: sample }", 20000, 1, PolicyRateAction.Sample)]
    [InlineData("{ limit: 5/m }", 5, 60, PolicyRateAction.DropAlert)]
    [InlineData("{ limit: 999999999/h, onExceed: disarm }", 999_999_999, 3600, PolicyRateAction.Disarm)]
    [InlineData("{ limit: 1/s, onExceed: drop-alert }", 1, 1, PolicyRateAction.DropAlert)]
    public void A_rate_is_read(string text, long limit, int seconds, PolicyRateAction action)
    {
        var policy = PolicyText.MustLoadSpec($"  mode: audit\n  budget: {{ rate: {text} }}\n  subscriptions: [{{ event: cr, when: {{ cr: 3 }}, handler: H }}]\n");
        Assert.Equal(new PolicyRate(limit, TimeSpan.FromSeconds(seconds), action), policy.Budget.Rate);
        Assert.Null(PolicyText.MustLoadSpec("  mode: audit\n  subscriptions: [{ event: cr, when: { cr: 3 }, handler: H }]\n").Budget.Rate);
    }

    [Fact]
    public void A_policy_that_watches_pages_may_release_them()
    {
        const string Spec = """
              mode: audit
              subscriptions: [{ event: pf, handler: H }]
              budget: { rate: { limit: 5/s, onExceed: release } }

            """;
        Assert.Equal(PolicyRateAction.Release, PolicyText.MustLoadSpec(Spec).Budget.Rate!.OnExceed);
    }

    [Fact]
    public void Every_form_of_a_set_of_numbers()
    {
        var policy = PolicyText.MustLoadSpec("""
              mode: audit
              parameters:
                one: { type: gpa, default: 0x7000 }
                many: { type: list<gpa-range>, default: [0x8000-0x9000, { from: 0xa000, to: 0xb000 }] }
              subscriptions:
                - event: pf
                  handler: A
                  when:
                    access: -wx
                    gpa: [1, 0x1_000-0x2000, { from: 0x2000, to: 0x3000 }, { first: 0x3000, last: 0xffffffffffffffff }, $one, $many]
                    rip: { in: [0xffffffff82000080] }
                    cr3: 0x1000-0x2000
                    vcpu: 0
                    cpl: 3
            """);
        var filter = policy.Subscriptions[0].Filter;
        Assert.Equal(
            [new(1, 1), new(0x1000, 0x1fff), new(0x2000, 0x2fff), new(0x3000, ulong.MaxValue), new(0x7000, 0x7000), new(0x8000, 0x8fff), new(0xa000, 0xafff)],
            filter.Gpa);
        Assert.Equal([new ValueRange(0xffffffff82000080, 0xffffffff82000080)], filter.Rip);
        Assert.Equal([new ValueRange(0x1000, 0x1fff)], filter.Cr3);
        Assert.Equal([new ValueRange(0, 0)], filter.Vcpus);
        Assert.Equal(3, filter.Cpl);
        Assert.Equal(PageAccess.Write | PageAccess.Execute, filter.Access);
    }

    [Fact]
    public void Msrs_by_name_number_and_range()
    {
        var policy = PolicyText.MustLoadSpec("""
              mode: enforce
              subscriptions:
                - { event: msr, when: { msr: [lstar, 0x174, { first: 0x175, last: 0x176 }, 0xc0000080-0xc0000082] }, then: { decision: keep } }
            """);
        Assert.Equal(
            [new(0xc0000082, 0xc0000082), new(0x174, 0x174), new(0x175, 0x176), new ValueRange(0xc0000080, 0xc0000081)],
            policy.Subscriptions[0].Filter.Msrs);
        Assert.True(policy.Code.IsNone);
        Assert.Equal([CommandKind.ControlEvents, CommandKind.ControlMsr], policy.Requires.Commands);
    }

    [Fact]
    public void Bits_by_name_and_the_filters_and_fields_of_every_event()
    {
        var policy = PolicyText.MustLoadSpec("""
              mode: audit
              subscriptions:
                - { event: cr, when: { cr: 4, clearedBits: [smep, smap] }, then: { decision: keep } }
                - { event: cr, when: { cr: 0, clearedBits: wp }, then: { decision: keep } }
                - { event: msr, when: { msr: efer, changedBits: [nxe, 0x1] }, then: { decision: keep } }
                - { event: xsetbv, when: { xcr: 0, setBits: pkru, new: 0x207 }, then: { decision: allow } }
                - { event: trap, when: { vector: [13, 14] }, then: { decision: allow } }
                - { event: cpuid, when: { function: 0x40000000-0x40000100, index: 0 }, then: { decision: allow } }
                - { event: singlestep, when: { failed: true }, handler: OnStep }
                - { event: create-vcpu, then: { decision: allow } }
              tests:
                - name: all
                  steps:
                    - { event: trap, with: { vector: 13, errorCode: 0x18, address: 0x1000 } }
                    - { event: cpuid, with: { function: 0x40000000, index: 1 } }
                    - { event: singlestep, with: { failed: true } }
                    - { event: create-vcpu, with: { vcpu: 1 } }
                    - { event: xsetbv, with: { xcr: 0, old: 7, new: 0x207 } }
            """);
        var filters = policy.Subscriptions.Select(subscription => subscription.Filter).ToArray();
        Assert.Equal((1UL << 20) | (1UL << 21), filters[0].ClearedBits);
        Assert.Equal(1UL << 16, filters[1].ClearedBits);
        Assert.Equal((1UL << 11) | 1, filters[2].ChangedBits);
        Assert.Equal((0, 1UL << 9), (filters[3].Xcr, filters[3].SetBits));
        Assert.Equal([new(13, 13), new ValueRange(14, 14)], filters[4].Vectors);
        Assert.Equal([new ValueRange(0x4000_0000, 0x4000_00FF)], filters[5].Functions);
        Assert.Equal([new ValueRange(0, 0)], filters[5].Indexes);
        Assert.True(filters[6].Failed);
        Assert.Equal(0x1000UL, policy.Tests[0].Steps[0].With["address"]);
        Assert.Equal(1UL, policy.Tests[0].Steps[2].With["failed"]);
    }

    [Fact]
    public void Every_type_of_parameter()
    {
        var hash = string.Concat(Enumerable.Repeat("0123456789abcdef", 4));
        var policy = PolicyText.MustLoadSpec($$"""
              mode: audit
              parameters:
                flag: { type: bool, default: true }
                number: { type: int, default: -65_536, min: -65536, max: 0 }
                text: { type: string, default: "5" }
                gva: { type: gva, default: 0xffffffff81000000 }
                range: { type: gpa-range, default: 0x1000000-0x1200000 }
                time: { type: duration, default: 1.5ms, min: 1us }
                hash: { type: sha256, default: "{{hash}}" }
                names: { type: list<string>, default: [a, "1"] }
              subscriptions: [{ event: cr, handler: A }]
            """);
        Assert.Equal(true, policy.Parameters["flag"].Value);
        Assert.Equal(-65536L, policy.Parameters["number"].Value);
        Assert.Equal("5", policy.Parameters["text"].Value);
        Assert.Equal(0xffffffff81000000UL, policy.Parameters["gva"].Value);
        Assert.Equal(new ValueRange(0x1000000, 0x11fffff), policy.Parameters["range"].Value);
        Assert.Equal(TimeSpan.FromMicroseconds(1500), policy.Parameters["time"].Value);
        Assert.Equal(hash, policy.Parameters["hash"].Value.ToString());
        Assert.Equal(["a", "1"], (IEnumerable<object>)policy.Parameters["names"].Value);
        Assert.True(policy.Parameters["names"].IsList);
    }

    [Fact]
    public void The_sites_value_replaces_the_default_and_the_tests_value_replaces_both()
    {
        const string Spec = """
              mode: audit
              parameters: { top: { type: gpa, default: 1 } }
              subscriptions: [{ event: cr, handler: A }]
            """;
        var site = PolicyText.Options with
        {
            Site = SiteText.Gives("top", 2),
        };
        var test = site with { TestParameters = new Dictionary<string, object> { ["top"] = 3UL } };
        Assert.Equal(1UL, PolicyText.MustLoadSpec(Spec).Parameters["top"].Value);
        Assert.Equal(2UL, PolicyText.MustLoadSpec(Spec, site).Parameters["top"].Value);
        Assert.Equal(3UL, PolicyText.MustLoadSpec(Spec, test).Parameters["top"].Value);
    }

    [Fact]
    public void The_hosts_mode_replaces_the_files() =>
        Assert.Equal(
            PolicyMode.Audit,
            PolicyText.MustLoadSpec("  mode: enforce\n  subscriptions: [{ event: cr, handler: A }]\n", PolicyText.Options with { Mode = PolicyMode.Audit }).Mode);

    [Fact]
    public void The_small_blocks()
    {
        var policy = PolicyText.MustLoadSpec("""
              mode: enforce
              priority: 7
              target: { names: [web*], uuids: [01234567-89ab-cdef-0123-456789abcdef], vcpus: [0, 1] }
              subscriptions: [{ event: descriptor, when: { descriptor: idtr, write: true }, handler: A }]
              onError: { decision: crash, quarantineAfter: never }
              state: { scope: policy, onReload: drop }
              alerts: { severity: info, dedupe: { by: [root], window: 10m } }
              exceptions:
                - { name: rig, when: { vm: { name: web01 }, rip: 0x1000-0x2000 }, expires: 2027-06-30, reason: because }
              script: { inline: "Decision A(DescriptorEvent e) => Allow;" }
            """);
        Assert.Equal(7, policy.Priority);
        Assert.Equal("web*", Assert.Single(policy.Target.Names));
        Assert.Equal(2, policy.Target.Vcpus.Count);
        Assert.Equal(DescriptorTable.Idtr, policy.Subscriptions[0].Filter.Descriptor);
        Assert.True(policy.Subscriptions[0].Filter.DescriptorWrite);
        Assert.Equal(new PolicyErrorHandling(DecisionKind.Crash, 0, TimeSpan.Zero), policy.OnError);
        Assert.Equal(new PolicyStateSettings(PolicyStateScope.Policy, KeepOnReload: false), policy.State);
        Assert.Equal(PolicySeverity.Info, policy.Severity);
        Assert.Equal(TimeSpan.FromMinutes(10), policy.Alerts.DedupeWindow);
        var exception = Assert.Single(policy.Exceptions);
        Assert.Equal(["web01"], exception.VmNames);
        Assert.Equal(new DateOnly(2027, 6, 30), exception.Expires);
        Assert.StartsWith("Decision A", policy.Code.InlineText, StringComparison.Ordinal);
        Assert.Equal(16, policy.Code.InlineLine);
    }

    [Fact]
    public void A_block_script_starts_on_the_next_line()
    {
        var policy = PolicyText.MustLoadSpec("  mode: audit\n  subscriptions: [{ event: cr, handler: A }]\n  script:\n    inline: |\n      Decision A(CrEvent e) => Allow;\n");
        Assert.Equal(11, policy.Code.InlineLine);
        Assert.Equal("Decision A(CrEvent e) => Allow;\n", policy.Code.InlineText);
    }

    [Fact]
    public void Tests_with_memory_trace_and_every_kind_of_expectation()
    {
        var files = new MemoryPolicyFiles().Add("p/a.csx", "").Add("p/traces/run.hex", "").Add("p/page.bin", [1, 2, 3]);
        var text = PolicyText.Head + """
              mode: enforce
              subscriptions: [{ event: msr, when: { msr: star }, handler: A }]
              tests:
                - name: steps
                  memory: [{ gpa: 0x1000, bytes: "90 90 c3" }, { gpa: 0x2000, file: page.bin }]
                  steps:
                    - event: msr
                      with: { msr: star, new: 5, vcpu: 1, rax: 0xffffffffffffffff }
                      expect: { decision: inject, exception: gp, records: [], registers: { rax: 1 }, page: { 0x1000: r-x } }
                - name: trace
                  trace: traces/run.hex
                  expect: { records: { seen: 2 }, decisions: { allow: 3 } }
            """;
        var result = PolicyFileLoader.Load(PolicyText.File, PolicyText.Options with { Files = files.Add(PolicyText.File, text) });
        Assert.Empty(result.Findings);
        var tests = result.Definition!.Tests;
        Assert.Equal([0x90, 0x90, 0xc3], tests[0].Memory[0].Bytes);
        Assert.Equal([1, 2, 3], tests[0].Memory[1].Bytes);
        Assert.Equal(0xc0000081UL, tests[0].Steps[0].With["msr"]);
        Assert.Equal(ulong.MaxValue, tests[0].Steps[0].With["rax"]);
        var expect = tests[0].Steps[0].Expect!;
        Assert.Equal((byte)13, expect.Exception);
        Assert.Null(expect.Alerts);
        Assert.Empty(expect.Records!);
        Assert.Equal(PageAccess.ReadExecute, expect.Pages![0x1000]);
        Assert.Equal("p/traces/run.hex", tests[1].Trace);
        Assert.Null(tests[1].Problem);
        Assert.Equal(3, tests[1].TraceExpect!.Decisions![DecisionKind.Allow]);
        Assert.Null(tests[1].TraceExpect!.Alerts);
    }
}
