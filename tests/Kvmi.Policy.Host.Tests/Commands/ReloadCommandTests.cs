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

    // One event of each of the two vCPUs may be on its way while the policies detach; the session answers those by itself.
    private static void AssertDecidedAll(System.Text.Json.JsonElement simulation, System.Text.Json.JsonElement policy)
    {
        var sent = simulation.GetProperty("events").GetProperty("cr").GetInt64();
        Assert.InRange(policy.GetProperty("events").GetInt64(), sent - 2, sent);
    }
}
