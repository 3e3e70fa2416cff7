using System.Text.RegularExpressions;

namespace Kvmi.Policy.Host.Tests.Commands;

public sealed partial class PolicyCommandTests
{
    private static readonly string Captures = Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures");

    [Fact]
    public async Task The_policies_that_ship_are_valid()
    {
        var result = (await CommandProcess.RunAsync("validate", SamplePolicies.Shipped)).Expect(0);
        Assert.EndsWith("0 errors, 0 warnings", Assert.Single(result.Output), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mode: audit", "mode: audit\n  prioritty: 5", "did you mean")]
    [InlineData("mode: audit", "mode: audit\n  priority: high", "priority")]
    [InlineData("mode: audit", "mode: audit\n  script: { file: gone.csx }", "gone.csx")]
    [InlineData("handler: OnCr3", "handler: OnMsr", "OnMsr")]
    [InlineData("event: cr", "event: msr", "msr")]
    public async Task A_bad_policy_is_one_clear_finding_with_its_place(string good, string bad, string says)
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "x");
        var file = Path.Combine(directory.Path, "policies", "counter", "policy.yaml");
        var text = await File.ReadAllTextAsync(file);
        Assert.Contains(good, text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, text.Replace(good, bad, StringComparison.Ordinal));
        var result = (await CommandProcess.RunAsync("validate", directory.Path)).Expect(1);
        Assert.Contains(result.Output[..^1], line => FindingLine().IsMatch(line) && line.Contains(says, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_handler_of_the_wrong_signature_is_found_in_the_script()
    {
        using var directory = new TestDirectory();
        var script = SamplePolicies.Write(directory, "x");
        await File.WriteAllTextAsync(script, "Decision OnCr3(MsrEvent e) => Allow;\n");
        var result = (await CommandProcess.RunAsync("validate", directory.Path)).Expect(1);
        Assert.Contains(result.Output, line => line.Contains("CrEvent", StringComparison.Ordinal) && FindingLine().IsMatch(line));
    }

    [Fact]
    public async Task Two_policies_with_one_id_are_refused()
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "x");
        directory.Copy(Path.Combine(directory.Path, "policies", "counter"), "policies/copy");
        var result = (await CommandProcess.RunAsync("validate", directory.Path, "--json")).Expect(1);
        Assert.Contains(result.Json, line => RunCommandTests.Type(line) == "finding" && line.GetProperty("reason").GetString()!.Contains("test.counter", StringComparison.Ordinal));
    }

    /// <summary>In the tests of a policy it has the stack that it will have in service, in this process and in a worker.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_policy_may_recurse_80_levels_through_handlers(bool untrusted)
    {
        using var directory = new TestDirectory();
        directory.Write("policies/walk/policy.yaml", """
            apiVersion: kvmi.policy/v1
            kind: Policy
            metadata: { id: test.walk, version: 1.0.0, title: Walks }
            spec:
              mode: enforce
              budget: { timeout: 500ms }
              subscriptions: [{ event: cr, when: { cr: 3 }, handler: OnCr }]
              tests:
                - name: 80 levels
                  steps:
                    - event: cr
                      with: { cr: 3, old: 1, new: 2 }
                      expect: { alerts: [walked] }
            """);
        directory.Write("policies/walk/walk.csx", """
            using System.Collections.Generic;

            Decision OnCr(CrEvent e)
            {
                if (Walk(80, new List<int> { 1 }) == 80) Alert("walked");
                return Allow;
            }

            int Walk(int depth, IEnumerable<int> children)
            {
                var count = 0;
                if (depth == 0) return 0;
                try { foreach (var child in children) count = Walk(depth - 1, children) + child; }
                catch (InvalidOperationException) { count = -1; }
                return count;
            }
            """);
        string[] arguments = untrusted ? ["test", directory.Path, "--untrusted"] : ["test", directory.Path];
        (await CommandProcess.RunAsync(arguments)).Expect(0);
    }

    [Fact]
    public async Task Bad_policies_do_not_start_a_run()
    {
        using var directory = new TestDirectory();
        var script = SamplePolicies.Write(directory, "x");
        await File.WriteAllTextAsync(script, "this is no script");
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--json")).Expect(1);
        Assert.Contains(result.Json, line => RunCommandTests.Type(line) == "finding");
        Assert.Contains(result.Json, line => RunCommandTests.Type(line) == "status" && line.GetProperty("status").GetString() == "load-failed");
    }

    [Fact]
    public async Task The_tests_inside_the_shipped_policies_pass_one_line_each()
    {
        var result = (await CommandProcess.RunAsync("test", SamplePolicies.Shipped)).Expect(0);
        Assert.Matches(@"^\d+ passed, 0 failed$", result.Output[^1]);
        Assert.Equal(result.Output.Length - 1, int.Parse(result.Output[^1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));
        Assert.All(result.Output[..^1], line => Assert.StartsWith("passed  ", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_test_that_fails_says_where_and_what_and_gives_1()
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "seen");
        var tests = "\n  tests:\n    - name: wrong\n      steps:\n        - event: cr\n          with: { cr: 3, old: 0x1000, new: 0x2000 }\n          expect: { decision: keep }\n";
        await File.AppendAllTextAsync(Path.Combine(directory.Path, "policies", "counter", "policy.yaml"), tests);
        var result = (await CommandProcess.RunAsync("test", directory.Path)).Expect(1);
        Assert.Equal("0 passed, 1 failed", result.Output[^1]);
        Assert.Contains(result.Output, line => line.StartsWith("FAILED  test.counter: wrong", StringComparison.Ordinal));
        Assert.Contains(result.Output, line => Regex.IsMatch(line, @"policy\.yaml:\d+: step 1: decision: expected keep, got allow"));
    }

    [Fact]
    public async Task A_replay_of_a_real_linux_guest_decides_every_event_and_answers_with_the_recorded_layout()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "replay", Path.Combine(Captures, "kvmi-v7-linux-cr3.hex"), "--json")).Expect(0);
        var decisions = result.Json.Where(line => RunCommandTests.Type(line) == "decision").ToList();
        Assert.Equal(28, decisions.Count);
        Assert.All(decisions, line => Assert.Contains(line.GetProperty("match").GetString(), new[] { "bytes", "layout" }));
        var summary = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "replay");
        Assert.Equal(28, summary.GetProperty("events").GetInt64());
        Assert.Equal(28, summary.GetProperty("replies").GetInt64());
        Assert.Equal(28, summary.GetProperty("bytes").GetInt64() + summary.GetProperty("layout").GetInt64());
    }

    [Fact]
    public async Task A_path_that_is_not_there_is_the_environments_fault()
    {
        (await CommandProcess.RunAsync("validate", "/nowhere")).Expect(3);
        (await CommandProcess.RunAsync("test", "/nowhere")).Expect(3);
        (await CommandProcess.RunAsync("replay", "/nowhere.hex")).Expect(3);
    }

    [Fact]
    public async Task A_reader_of_stdout_that_goes_away_does_not_end_the_run()
    {
        using var directory = new TestDirectory();
        await using var host = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--json");
        await host.WaitForLineAsync("\"listening\"");
        host.CloseOutput();
        var guest = (await CommandProcess.RunAsync("simulate", "--connect", directory.Socket(), "--settle", "1s", "--json")).Expect(0);
        RunCommandTests.AssertAllAnswered(Assert.Single(guest.Json, line => RunCommandTests.Summary(line) == "simulation"));
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);
    }

    [GeneratedRegex(@"^\S+:\d+:\d+: (error|warning) [A-Z]+\d+: ")]
    private static partial Regex FindingLine();
}
