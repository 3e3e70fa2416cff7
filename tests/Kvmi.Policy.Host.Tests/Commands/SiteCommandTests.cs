namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>--site over the whole command.</summary>
public class SiteCommandTests
{
    private const string Head = "apiVersion: kvmi.policy/v1\nkind: Site\n";

    [Fact]
    public async Task Validate_shows_values_with_their_source()
    {
        using var directory = new TestDirectory();
        var site = directory.Write("site.yaml", Head + "policies: { cr3-watch: { parameters: { guestRamTop: 0x8000 } } }\n");
        var result = (await CommandProcess.RunAsync("validate", SamplePolicies.Shipped, "--site", site, "--parameters")).Expect(0);
        Assert.Contains(result.Output, line => line == $"parameter cr3-watch/guestRamTop = 0x8000 (site, {site}:3:53)");
        Assert.Contains(result.Output, line => line.StartsWith("parameter cr3-watch/capacity = 4096 (default, ", StringComparison.Ordinal));
        var json = (await CommandProcess.RunAsync("validate", SamplePolicies.Shipped, "--site", site, "--parameters", "--json")).Expect(0);
        var line = Assert.Single(json.Json, line => RunCommandTests.Type(line) == "parameter" && line.GetProperty("name").GetString() == "guestRamTop");
        Assert.Equal(("site", 3), (line.GetProperty("source").GetString(), line.GetProperty("line").GetInt32()));
    }

    [Fact]
    public async Task A_site_file_with_an_error_keeps_a_run_from_starting()
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "x");
        var site = directory.Write("site.yaml", Head + "policies: { test.conter: { mode: audit } }\n");
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--site", site)).Expect(1);
        Assert.Contains(result.Output, line => line.Contains($"{site}:3:13: error KP0246:", StringComparison.Ordinal) && line.Contains("did you mean 'test.counter'?", StringComparison.Ordinal));
        (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--site", "nowhere.yaml")).Expect(3);
    }

    [Fact]
    public async Task A_saved_site_file_is_live_without_a_restart_and_a_bad_one_is_not()
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "x");
        var site = directory.Write("site.yaml", Head + "policies: { test.counter: { mode: audit } }\n");
        await using var host = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--site", site, "--json");
        await host.WaitForLineAsync("\"listening\"");
        directory.Write("site.yaml", Head + "policies: { test.counter: { mode: audti } }\n");
        await host.WaitForLineAsync("\"reload-failed\"");
        directory.Write("site.yaml", Head + "policies: { test.counter: { mode: enforce } }\n");
        await host.WaitForLineAsync("\"reloaded\"");
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        var summary = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "policy");
        Assert.Equal("enforce", summary.GetProperty("mode").GetString());
    }
}
