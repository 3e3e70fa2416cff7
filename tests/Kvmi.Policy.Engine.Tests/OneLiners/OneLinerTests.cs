using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.OneLiners;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Tests.Configuration;

namespace Kvmi.Policy.Engine.Tests.OneLiners;

/// <summary>One-liners become the policy files that they stand for; what cannot be understood is shown with its place.</summary>
public class OneLinerTests
{
    public static TheoryData<string, string, string?> Translated => new()
    {
        { "msr[lstar] => keep", "when: { msr: lstar }|then: { decision: keep }", null },
        { "msr[lstar] when changed => keep, alert(\"lstar\")", "when: { msr: lstar, changed: true }|then: { decision: keep, alert: \"lstar\" }", null },
        { "msr[lstar, star] => allow", "when: { msr: [lstar, star] }", null },
        { "msr[0x174-0x177] => allow", "when: { msr: 0x174-0x177 }", null },
        { "msr[lstar] when changed && old != 0 => keep, alert(\"lstar\")",
            "when: { msr: lstar, changed: true, old: { first: 0x1, last: 0xffffffffffffffff } }|then: { decision: keep, alert: \"lstar\" }", null },
        { "msr[lstar] when new != 5 => keep", "new: [{ first: 0x0, last: 0x4 }, { first: 0x6, last: 0xffffffffffffffff }]", null },
        { "msr[lstar] when 0x1000 > new && rip >= 0x10 => keep", "new: { first: 0x0, last: 0xfff }, rip: { first: 0x10, last: 0xffffffffffffffff }", null },
        { "msr[lstar] when cpl != 0 && new < 0 => keep", "when: { msr: lstar }|handler: OnMsr", "(e.New < 0x0UL)" },
        { "cr[4] when clearedBits(smep, smap) => keep", "when: { cr: 4, clearedBits: [smep, smap] }", null },
        { "cr[4] when setBits(0x40) && cpl == 0 => inject(gp)", "when: { cr: 4, setBits: 0x40, cpl: 0 }|handler: OnCr", "Inject(Exceptions.GeneralProtection)" },
        { "cr[0] when (old & wp) != 0 => keep", "when: { cr: 0 }|handler: OnCr", "((e.Old & 0x10000UL) != 0x0UL)" },
        { "cr[3] => count(new)", "handler: OnCr", "counts0.Add(e.New);" },
        { "pf[0x1010-0x2010:w] => skip", "{ range: 0x1000-0x3000, access: r-x }|when: { gpa: 0x1010-0x2010, access: w }|handler: OnPf", "return Skip();" },
        { "pf[x] when cpl == 0 && gpa in 0x1000000..0x1200000 => retry, alert(\"exec\", gva)",
            "{ range: 0x1000000-0x1200000, access: rw- }|when: { access: x, cpl: 0, gpa: 0x1000000-0x1200000 }", "Alert(\"exec\", new { gva = e.Gva });" },
        { "pf[0x1000-0x2000:rw] => allow", "access: --x", null },
        { "hypercall[12] => crash", "event: hypercall|handler: OnHypercall", "(e.Regs.Rax >= 0xcUL && e.Regs.Rax <= 0xcUL)" },
        { "trap[14] => allow, alert(\"pf\")", "when: { vector: 0xe }", null },
        { "xsetbv[0] when clearedBits(avx) => inject(ud)", "when: { xcr: 0, clearedBits: avx }", "Inject(Exceptions.InvalidOpcode)" },
        { "descriptor[idtr:w] when cpl == 0 => allow, alert(\"idt\")", "when: { descriptor: idtr, write: true, cpl: 0 }", null },
        { "descriptor when descriptor == gdtr && !write => allow", "when: { descriptor: gdtr, write: false }", null },
        { "create-vcpu[2] => allow", "event: create-vcpu|when: { vcpu: 0x2 }", null },
        { "cpuid[0x40000000] when index in [0, 2..4] => allow", "when: { function: 0x40000000, index: [0x0, 0x2-0x4] }", null },
        { "breakpoint[0x1000-0x2000] => allow", "when: { gpa: 0x1000-0x2000 }", null },
        { "msr[lstar] when rip == 0x10 + 0x10 * 2 => keep", "when: { msr: lstar, rip: 0x30 }", null },
        { "msr[lstar] when old == 1 && old == 2 => keep", "when: { msr: lstar, old: 0x1 }|handler: OnMsr", "(e.Old == 0x2UL)" },
        { "msr[lstar] when old == 1 || new == 2 => keep", "when: { msr: lstar }|handler: OnMsr", "((e.Old == 0x1UL) || (e.New == 0x2UL))" },
        { "msr[lstar] when Clock.SinceAttach.TotalSeconds > 10 => keep", "handler: OnMsr", "Clock.SinceAttach.TotalSeconds > 0xa" },
        { "msr[lstar] when Memory.HashPage(new) != Memory.HashPage(old) => keep", "handler: OnMsr", "Memory.HashPage(e.New) != Memory.HashPage(e.Old)" },
        { "cr[3] when cr3 >> 12 == -1 => set(old), record(\"r\", low = new & 0xfff)", "handler: OnCr", "Record(\"r\", new { @low = (e.New & 0xfffUL) });" },
        { "pf[0x1000-0x2000:w] => inject(pf, gva, 2)", "handler: OnPf", "Inject(Exceptions.PageFault(e.Gva, (uint)(0x2UL)))" },
    };

    public static TheoryData<string, int, string> Refused => new()
    {
        { "mrs[lstar] => keep", 0, "did you mean 'msr'?" },
        { "msr[lsatr] => keep", 4, "did you mean 'lstar'?" },
        { "msr[lstar] when odl != 0 => keep", 16, "did you mean 'old'?" },
        { "msr[lstar] when gva != 0 => keep", 16, "has no 'gva'" },
        { "cr[4] when clearedBits(smepp) => keep", 23, "did you mean 'smep'?" },
        { "msr[lstar] when old => keep", 16, "Expected a condition" },
        { "msr[lstar] when old & 1 != 0 => keep", 22, "put brackets" },
        { "msr[lstar] when old != 0", 24, "Expected '=>'" },
        { "msr[lstar] when old != => keep", 23, "found '=>'" },
        { "msr[lstar] => kep", 14, "did you mean 'keep'?" },
        { "msr[lstar] => retry", 14, "cannot answer msr" },
        { "msr[lstar] => alert(\"a\"), keep", 26, "stands first" },
        { "msr[lstar] => keep, alert(a)", 26, "double quotes" },
        { "msr[lstar] => keep, alert(\"a b\")", 26, "double quotes" },
        { "msr[lstar] => keep, alert(\"a\", old + 1)", 31, "needs a name" },
        { "msr[lstar] => keep, alert(\"a\", old, old)", 36, "twice" },
        { "msr[lstar] => keep keep", 19, "the end" },
        { "msr => keep", 0, "msr[lstar]" },
        { "msr[0x5000] => keep", 4, "cannot be intercepted" },
        { "cr[2] => keep", 3, "0, 3 and 4" },
        { "pf[w] => allow", 0, "Which pages" },
        { "pf[0x1000-0x2000] => allow", 0, "Which access" },
        { "pf[0x2000-0x1000:w] => allow", 10, "empty" },
        { "pf[0x1000-0x2000:q] => allow", 17, "r, w, x" },
        { "singlestep => allow", 0, "a handler asks" },
        { "msr[lstar] when old in 2..1 => keep", 26, "empty" },
        { "msr[lstar] when old / 0 == 1 => keep", 22, "zero" },
        { "msr[lstar] when old == 0x10000000000000000 => keep", 23, "no number of 64 bits" },
        { "msr[lstar] when old == 1; => keep", 24, "no meaning" },
        { "msr[lstar] when rip == 'a' => keep", 23, "double quotes" },
        { "msr[lstar] => inject(xx)", 21, "no exception" },
        { "msr[lstar] => inject(pf)", 14, "an address and an error code" },
        { "msr[lstar] => set", 17, "set(0x10)" },
        { "", 0, "possible: cr, msr" },
    };

    [Theory]
    [MemberData(nameof(Translated))]
    public void A_one_liner_becomes_a_policy_that_loads_and_compiles(string text, string parts, string? code)
    {
        var line = OneLiner.Parse(text);
        var yaml = new OneLinerPolicy(line, "expression-1", []).Yaml;
        Assert.All(parts.Split('|'), part => Assert.Contains(part, yaml, StringComparison.Ordinal));
        Assert.Equal(code is null, line.IsData);
        if (code is not null)
        {
            Assert.Contains(code, yaml, StringComparison.Ordinal);
        }

        var (findings, live) = Build(yaml);
        Assert.Equal([], findings);
        Assert.True(live);
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_cannot_be_understood_is_shown_with_its_place(string text, int position, string words)
    {
        var exception = Assert.Throws<OneLinerException>(() => OneLiner.Parse(text));
        Assert.Contains(words, exception.Message, StringComparison.Ordinal);
        Assert.Equal((text, position), (text, exception.Position));
        var lines = exception.Message.Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Equal(position + 2, lines[2].IndexOf('^', StringComparison.Ordinal));
        Assert.Equal("  " + text, lines[1]);
    }

    [Fact]
    public void Of_a_long_text_only_the_neighbourhood_is_shown()
    {
        var text = $"msr[lstar] when old == 1 {string.Concat(Enumerable.Repeat("&& new != 2 ", 40))}&& odl == 3 => keep";
        var exception = Assert.Throws<OneLinerException>(() => OneLiner.Parse(text));
        var lines = exception.Message.Split('\n');
        Assert.StartsWith("odl == 3", lines[1][lines[2].IndexOf('^', StringComparison.Ordinal)..], StringComparison.Ordinal);
        Assert.All(lines[1..], line => Assert.InRange(line.Length, 1, 120));
    }

    [Theory]
    [InlineData("msr[lstar] when Memory.Nothing(new) == 1 => keep", "Nothing")]
    [InlineData("msr[lstar] when old != 0 && e.Unknown > 1 => keep", "Unknown")]
    [InlineData("msr[lstar] when old != 0 && System.Environment.ProcessId == 1 => keep", "System")]
    public void What_the_compiler_or_the_allow_list_refuses_is_found_again_in_the_one_liner(string text, string near)
    {
        var policy = new OneLinerPolicy(OneLiner.Parse(text), "expression-1", []);
        var (findings, live) = Build(policy.Yaml);
        Assert.False(live);
        var finding = Assert.Single(findings);
        var position = policy.PositionOf(finding.Location.Line, finding.Location.Column);
        Assert.InRange(position!.Value, text.IndexOf(near, StringComparison.Ordinal) - 8, text.IndexOf(near, StringComparison.Ordinal) + near.Length);
    }

    [Fact]
    public void What_the_loader_refuses_is_found_again_in_the_one_liner()
    {
        const string Text = "cr[4] when rip == 1 && cpl == 3 => keep";
        var policy = new OneLinerPolicy(OneLiner.Parse(Text), "expression-1", []);
        var finding = Assert.Single(Build(policy.Yaml).Findings);
        Assert.Equal("KP0202", finding.Code);
        Assert.InRange(policy.PositionOf(finding.Location.Line, finding.Location.Column)!.Value, 3, Text.IndexOf("cpl", StringComparison.Ordinal));
    }

    [Fact]
    public void Depth_and_length_are_bounded()
    {
        Assert.Throws<OneLinerException>(() => OneLiner.Parse($"msr[lstar] when {new string('(', 500)}old"));
        Assert.Throws<OneLinerException>(() => OneLiner.Parse($"msr[lstar] when {new string('~', 2000)}old == 1 => keep"));
        Assert.Throws<OneLinerException>(() => OneLiner.Parse(new string('a', 5000)));
        OneLiner.Parse($"msr[lstar] when {new string('(', 30)}old == 1{new string(')', 30)} => keep");
    }

    [Fact]
    public void Whatever_is_written_gives_a_policy_or_one_error()
    {
        string[] words = ["old", "new", "&&", "(", ")", "&", "in", ",", "=>", "!", "~", "Memory", ".", "gpa", "\u0007", "'", "=", "%", "access", "\"a\"", "[", "-"];
        string[] conditions =
        [
            "changed", "!changed", "old == 1", "(new & 0xfff) != 0", "old in 1..5", "new in [1, 3..9, -1]", "(old == 1 || new >= 2)", "rip > 0x1000", "cpl == 0", "vcpu < 2",
            "changedBits(1)", "clearedBits(1, 8)", "cr3 == 0x1000", "rax != rbx", "old + 1 == new", "true", "msr == lstar", "Clock.SinceAttach.TotalSeconds > 1",
        ];
        string[] outcomes = ["keep", "allow", "set(new | 1)", "crash", "alert(\"a\")", "inject(gp), alert(\"b\", old, x = new >> 3)", "count(rip)", "record(\"r\"), count(\"c\", new & 1)"];
        var random = new Random(1);
        var understood = 0;
        for (var i = 0; i < 20_000; i++)
        {
            List<string> parts = ["msr[lstar] when"];
            for (var count = random.Next(1, 6); count > 0; count--)
            {
                parts.Add(conditions[random.Next(conditions.Length)]);
                parts.Add(count == 1 ? "=>" : random.Next(3) == 0 ? "||" : "&&");
            }

            parts.Add(outcomes[random.Next(outcomes.Length)]);
            for (var count = random.Next(3); count > 0; count--)
            {
                parts.Insert(random.Next(parts.Count), words[random.Next(words.Length)]);
            }

            var text = string.Join(' ', parts);
            try
            {
                var yaml = new OneLinerPolicy(OneLiner.Parse(text), "expression-1", []).Yaml;
                var result = PolicyFileLoader.Load("e.yaml", PolicyLoadOptions.Default with { Files = Files(yaml) });
                Assert.True(
                    result.Definition is not null || result.Findings.All(finding => finding.Code == "KP0202"), $"{text}: {string.Join('\n', result.Findings)}");
                understood++;
            }
            catch (OneLinerException exception)
            {
                Assert.InRange(exception.Position, 0, text.Length);
                Assert.DoesNotContain('\u0007', exception.Message);
            }
        }

        Assert.InRange(understood, 5_000, 15_000);
    }

    [Fact]
    public void Names_of_vms_become_the_target()
    {
        var yaml = new OneLinerPolicy(OneLiner.Parse("msr[lstar] => keep"), "expression-1", ["web01", "db*"]).Yaml;
        var definition = PolicyFileLoader.Load("e.yaml", PolicyLoadOptions.Default with { Files = Files(yaml) }).Definition!;
        Assert.Equal(["web01", "db*"], definition.Target.Names);
    }

    private static MemoryPolicyFiles Files(string yaml) => new MemoryPolicyFiles().Add("e.yaml", yaml);

    private static (IReadOnlyList<Kvmi.Policy.Engine.Findings.Finding> Findings, bool Live) Build(string yaml)
    {
        var loaded = PolicyFileLoader.Load("e.yaml", PolicyLoadOptions.Default with { Files = Files(yaml) });
        if (loaded.Definition is null)
        {
            return (loaded.Findings, false);
        }

        var build = new GenerationBuilder(new ScriptCompiler(), new CollectiblePluginLoader(), TimeProvider.System).Build([loaded.Definition], PluginCatalog.Empty, previous: null);
        build.Generation?.Release();
        return ([.. loaded.Findings, .. build.Findings], build.Generation is not null);
    }
}
