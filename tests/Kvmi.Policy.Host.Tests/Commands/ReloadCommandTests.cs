namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class ReloadCommandTests
{
    [Fact]
    public async Task A_script_edited_under_load_is_live_and_no_event_is_lost_or_answered_twice()
    {
        using var directory = new TestDirectory();
        var script = SamplePolicies.Write(directory, "first-text");
        await using var host = CommandProcess.Start(directory.Path, "run", "--simulate=load", "--json");
        await host.WaitForLineAsync("\"first-text\"");
        for (var round = 1; round <= 3; round++)
        {
            await File.WriteAllTextAsync(script, SamplePolicies.Script($"text-{round}"));
            await host.WaitForLineAsync($"\"text-{round}\"");
        }

        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        var simulation = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation");
        RunCommandTests.AssertAllAnswered(simulation);
        var run = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run");
        Assert.Equal(simulation.GetProperty("replyCount").GetInt64(), run.GetProperty("events").GetInt64());
        Assert.Equal(3, run.GetProperty("reloads").GetInt64());
        var policy = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "policy");
        AssertDecidedAll(simulation, policy);
    }

    [Fact]
    public async Task A_script_that_does_not_compile_is_reported_with_its_place_and_the_old_one_stays()
    {
        using var directory = new TestDirectory();
        var script = SamplePolicies.Write(directory, "first-text");
        await using var host = CommandProcess.Start(directory.Path, "run", "--simulate=load", "--json");
        await host.WaitForLineAsync("\"first-text\"");
        await File.WriteAllTextAsync(script, "Decision OnCr3(CrEvent e)\n{\n    return Alow;\n}\n");
        var finding = System.Text.Json.JsonDocument.Parse(await host.WaitForLineAsync("\"finding\"")).RootElement;
        Assert.Equal("CS0103", finding.GetProperty("code").GetString());
        Assert.EndsWith("counter.csx", finding.GetProperty("file").GetString(), StringComparison.Ordinal);
        Assert.Equal(3, finding.GetProperty("line").GetInt32());
        Assert.Equal(12, finding.GetProperty("column").GetInt32());
        await host.WaitForLineAsync("\"reload-failed\"");

        // The old text still decides, and the next good one goes live.
        await File.WriteAllTextAsync(script, SamplePolicies.Script("good-again"));
        await host.WaitForLineAsync("\"good-again\"");
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        var simulation = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation");
        RunCommandTests.AssertAllAnswered(simulation);
        var run = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run");
        Assert.Equal(1, run.GetProperty("failedReloads").GetInt64());
        var policy = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "policy");
        AssertDecidedAll(simulation, policy);
    }

    [Fact]
    public async Task A_script_whose_test_fails_is_refused_with_the_test_and_goes_live_without_tests_when_asked()
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "first-text");
        var yaml = directory.Write("policies/counter/policy.yaml", SamplePolicies.Yaml + "\n" + """
              tests:
                - name: the switch passes
                  steps:
                    - event: cr
                      with: { cr: 3, old: 0x1000, new: 0x2000 }
                      expect: { decision: allow, alerts: [first-text] }
            """);
        var script = Path.Combine(Path.GetDirectoryName(yaml)!, "counter.csx");
        await using var host = CommandProcess.Start(directory.Path, "run", "--simulate=load", "--json");
        await host.WaitForLineAsync("\"first-text\"");
        await File.WriteAllTextAsync(script, SamplePolicies.Script("second-text"));
        var finding = System.Text.Json.JsonDocument.Parse(await host.WaitForLineAsync("\"finding\"")).RootElement;
        Assert.Equal("KP0615", finding.GetProperty("code").GetString());
        Assert.EndsWith("policy.yaml", finding.GetProperty("file").GetString(), StringComparison.Ordinal);
        Assert.Equal(16, finding.GetProperty("line").GetInt32());
        Assert.Contains("expected [first-text], got [second-text]", finding.GetProperty("reason").GetString(), StringComparison.Ordinal);
        var failed = System.Text.Json.JsonDocument.Parse(await host.WaitForLineAsync("\"reload-failed\"")).RootElement.GetProperty("fields");
        Assert.Equal((0, 1), (failed.GetProperty("testsPassed").GetInt32(), failed.GetProperty("testsFailed").GetInt32()));

        // The test is corrected: the same script goes live.
        await File.WriteAllTextAsync(yaml, (await File.ReadAllTextAsync(yaml)).Replace("[first-text]", "[second-text]", StringComparison.Ordinal));
        var live = System.Text.Json.JsonDocument.Parse(await host.WaitForLineAsync("\"reloaded\"")).RootElement.GetProperty("fields");
        Assert.Equal((1, 0), (live.GetProperty("testsPassed").GetInt32(), live.GetProperty("testsFailed").GetInt32()));
        Assert.Equal("test.counter 1.0.0 changed", live.GetProperty("changes").GetString());
        await host.WaitForLineAsync("\"second-text\"");
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);

        await using var untested = CommandProcess.Start(directory.Path, "run", "--simulate=load", "--json", "--no-reload-tests");
        await untested.WaitForLineAsync("\"second-text\"");
        await File.WriteAllTextAsync(script, SamplePolicies.Script("third-text"));
        await untested.WaitForLineAsync("\"third-text\"");
        untested.Terminate();
        (await untested.WaitForExitAsync()).Expect(0);
    }

    // One event of each of the two vCPUs may be on its way while the policies detach; the session answers those by itself.
    private static void AssertDecidedAll(System.Text.Json.JsonElement simulation, System.Text.Json.JsonElement policy)
    {
        var sent = simulation.GetProperty("events").GetProperty("cr").GetInt64();
        Assert.InRange(policy.GetProperty("events").GetInt64(), sent - 2, sent);
    }
}
