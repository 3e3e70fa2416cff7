using System.Text.Json;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>run -e and new --from, as somebody at a shell uses them.</summary>
public class OneLinerCommandTests
{
    private const string Lstar = "msr[lstar] when changed && old != 0 => keep, alert(\"lstar\")";

    [Fact]
    public async Task A_one_liner_reports_and_says_that_it_does_not_act()
    {
        using var state = new TestDirectory();
        var result = (await CommandProcess.RunAsync("run", "--simulate", "-e", Lstar, "--state", state.Path, "--json")).Expect(0);
        var announced = Assert.Single(result.Json, line => line.GetProperty("type").GetString() == "status" && line.GetProperty("status").GetString() == "one-liner");
        Assert.Contains("--mode enforce", announced.GetProperty("reason").GetString(), StringComparison.Ordinal);
        var alert = Assert.Single(result.Json, line => line.GetProperty("type").GetString() == "alert");
        Assert.Equal(("expression-1", "audit", "lstar"), (alert.GetProperty("policy").GetString(), alert.GetProperty("mode").GetString(), alert.GetProperty("name").GetString()));
        Assert.Equal("hijacked", Fact(result.Json, "lstar"));
        Assert.Equal(["expression-1"], Policies(result.Json));
    }

    [Fact]
    public async Task It_acts_in_enforce_mode_and_stands_beside_the_policies_of_a_directory()
    {
        using var directory = new TestDirectory();
        directory.Write("p/policy.yaml", """
            apiVersion: kvmi.policy/v1
            kind: Policy
            metadata: { id: beside, version: 1.0.0 }
            spec:
              mode: audit
              subscriptions: [{ event: cr, when: { cr: 4 }, then: { decision: allow, alert: cr4 } }]
            """);
        var result = (await CommandProcess.RunAsync(
            "run", "--simulate", "-e", Lstar, "-e", "cr[4] when clearedBits(smep) && e.Cpl == 0 => keep, alert(\"smep\", old, new)", "--policies", directory.Path,
            "--mode", "enforce", "--state", Path.Combine(directory.Path, "state"), "--json")).Expect(0);
        Assert.Equal("kept", Fact(result.Json, "lstar"));
        Assert.Equal("kept", Fact(result.Json, "smep"));
        Assert.Equal(["beside", "expression-1", "expression-2"], Policies(result.Json));
        var smep = Assert.Single(result.Json, line => line.GetProperty("type").GetString() == "alert" && line.GetProperty("name").GetString() == "smep");
        Assert.Equal(["old", "new"], smep.GetProperty("fields").EnumerateObject().Select(field => field.Name));
    }

    [Fact]
    public async Task It_runs_in_a_worker_and_for_the_named_vm_only()
    {
        using var state = new TestDirectory();
        var text = "msr[lstar] when old + 1 != 1 => keep, alert(\"lstar\")";
        var result = (await CommandProcess.RunAsync(
            "run", "--simulate", "-e", text, "--untrusted", "--allow-weak-worker", "--vm", "model-guest", "--mode", "enforce", "--state", state.Path, "--json")).Expect(0);
        Assert.Equal("kept", Fact(result.Json, "lstar"));
        var other = (await CommandProcess.RunAsync("run", "--simulate", "-e", text, "--vm", "another", "--mode", "enforce", "--state", state.Path, "--json")).Expect(0);
        Assert.Equal("hijacked", Fact(other.Json, "lstar"));
    }

    [Theory]
    [InlineData("msr[lsatr] => keep", "did you mean 'lstar'?", 4)]
    [InlineData("msr[lstar] when odl != 0 => keep", "did you mean 'old'?", 16)]
    [InlineData("mrs[lstar] => keep", "did you mean 'msr'?", 0)]
    public async Task An_error_shows_its_place_and_what_was_meant(string text, string hint, int position)
    {
        var result = (await CommandProcess.RunAsync("run", "--simulate", "-e", text)).Expect(2);
        Assert.Contains(hint, result.Errors, StringComparison.Ordinal);
        Assert.Contains($"  {text}\n  {new string(' ', position)}^", result.Errors, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Fact]
    public async Task What_only_the_compiler_finds_is_shown_in_the_one_liner_too()
    {
        const string Text = "msr[lstar] when old > 1 && e.Nope == 1 => keep";
        using var state = new TestDirectory();
        var result = (await CommandProcess.RunAsync("run", "--simulate", "-e", Text, "--state", state.Path)).Expect(1);
        var at = Array.IndexOf(result.Output, $"  {Text}");
        Assert.Contains("CS1061", result.Output[at - 1], StringComparison.Ordinal);
        Assert.Equal(Text.IndexOf("Nope", StringComparison.Ordinal) + 2, result.Output[at + 1].IndexOf('^', StringComparison.Ordinal));
    }

    [Fact]
    public async Task Options_that_make_no_sense_are_refused()
    {
        Assert.Contains("there is none", (await CommandProcess.RunAsync("run", "--simulate", "--vm", "a")).Expect(2).Errors, StringComparison.Ordinal);
        Assert.Contains(
            "cannot count by key", (await CommandProcess.RunAsync("run", "--simulate", "-e", "cr[3] => count(new)", "--untrusted")).Expect(2).Errors, StringComparison.Ordinal);
        Assert.Contains(
            "leave one out", (await CommandProcess.RunAsync("new", "a", "--event", "cr", "--from", "cr[3] => allow")).Expect(2).Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Lstar)]
    [InlineData("cr[4] when clearedBits(smep, smap) && cpl == 0 => inject(gp), alert(\"smep\", old, new), record(\"r\")")]
    [InlineData("pf[0x1000010-0x1000020:w] when cpl == 3 && rip >= 0x400000 => skip, alert(\"w\")", 1)]
    [InlineData("descriptor[idtr:w] when rip != 5 => allow, alert(\"idt\", descriptor)")]
    [InlineData("hypercall[12] when rdi == 24 => crash")]
    [InlineData("trap[14] when errorCode == 2 => allow, alert(\"pf\", address)")]
    [InlineData("xsetbv[0] when clearedBits(avx) => inject(gp), alert(\"avx\")", 0)]
    [InlineData("breakpoint[0x1000-0x2000] => allow, alert(\"bp\")")]
    [InlineData("cpuid[0x40000000] when index == 0 => allow, count(rip)")]
    [InlineData("create-vcpu[1] => allow, alert(\"vcpu\")")]
    public async Task A_one_liner_grows_into_a_policy_whose_tests_pass(string text, int tests = 2)
    {
        using var directory = new TestDirectory();
        (await CommandProcess.RunInAsync(directory.Path, "new", "mine", "--from", text)).Expect(0);
        Assert.EndsWith("0 errors, 0 warnings", (await CommandProcess.RunInAsync(directory.Path, "validate", "mine")).Expect(0).Output[^1], StringComparison.Ordinal);
        Assert.Equal($"{tests} passed, 0 failed", (await CommandProcess.RunInAsync(directory.Path, "test", "mine")).Expect(0).Output[^1]);
    }

    [Fact]
    public async Task A_condition_that_cannot_be_turned_round_gets_a_policy_without_tests()
    {
        using var directory = new TestDirectory();
        (await CommandProcess.RunInAsync(directory.Path, "new", "mine", "--from", "msr[lstar] when old % 7 == new % 5 => keep")).Expect(0);
        (await CommandProcess.RunInAsync(directory.Path, "validate", "mine")).Expect(0);
        Assert.Contains("cannot be turned round", await File.ReadAllTextAsync(Path.Combine(directory.Path, "mine", "policy.yaml")), StringComparison.Ordinal);
    }

    private static string[] Policies(IReadOnlyList<JsonElement> lines) =>
        [.. lines.Where(line => line.GetProperty("type").GetString() == "summary" && line.GetProperty("summary").GetString() == "policy")
            .Select(line => line.GetProperty("policy").GetString()!)];

    private static string Fact(IReadOnlyList<JsonElement> lines, string name)
    {
        var summary = Assert.Single(lines, line => line.GetProperty("type").GetString() == "summary" && line.GetProperty("summary").GetString() == "simulation");
        return summary.GetProperty("consequences").EnumerateArray().First(fact => fact.GetProperty("name").GetString() == name).GetProperty("value").ToString();
    }
}
