namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>Plugins whose code never returns, outside of their handlers.</summary>
public sealed class HangingPluginTests : IDisposable
{
    private const string Forever = "System.Threading.Thread.Sleep(System.Threading.Timeout.Infinite);";
    private readonly TestDirectory _directory = new();

    [Fact]
    public async Task A_constructor_that_hangs_fails_its_reload_only_and_the_next_one_goes_live()
    {
        Plugin($"public Census() {{ {Forever} }}");
        var script = SamplePolicies.Write(_directory, "first-text");
        await using var host = Run("--simulate=load");
        await host.WaitForLineAsync("\"first-text\"");
        var policy = Policy();
        await host.WaitForLineAsync("KP0630");
        await host.WaitForLineAsync("\"reload-failed\"");
        File.Delete(policy);
        await File.WriteAllTextAsync(script, SamplePolicies.Script("second-text"), TestContext.Current.CancellationToken);
        await host.WaitForLineAsync("\"second-text\"");
        host.Terminate();
        await AssertOneThreadLostAsync(host);
    }

    [Fact]
    public async Task An_OnAttach_that_hangs_keeps_its_policy_out_and_the_others_go_on()
    {
        Plugin($"protected override void OnAttach() {{ {Forever} }}");
        Policy();
        SamplePolicies.Write(_directory, "first-text");
        await using var host = Run("--simulate=load");
        await host.WaitForLineAsync("\"first-text\"");
        await host.WaitForLineAsync("\"in-service\"");
        Assert.Contains(host.Output, line => line.Contains("\"refused\"", StringComparison.Ordinal) && line.Contains("its first code did not return within 5 s", StringComparison.Ordinal));
        host.Terminate();
        await AssertOneThreadLostAsync(host);
    }

    [Fact]
    public async Task An_OnDetach_that_hangs_holds_neither_a_reload_nor_the_end()
    {
        Plugin($"protected override void OnDetach() {{ {Forever} }}");
        var policy = Policy();
        var script = SamplePolicies.Write(_directory, "first-text");
        await using var host = Run("--simulate=load");
        await host.WaitForLineAsync("\"first-text\"");
        File.Delete(policy);
        await File.WriteAllTextAsync(script, SamplePolicies.Script("second-text"), TestContext.Current.CancellationToken);
        await host.WaitForLineAsync("\"second-text\"");
        await host.WaitForLineAsync("Its OnDetach has not returned within 1 s.");
        host.Terminate();
        await AssertOneThreadLostAsync(host);
    }

    public void Dispose() => _directory.Dispose();

    private static async Task AssertOneThreadLostAsync(CommandProcess host)
    {
        var result = (await host.WaitForExitAsync()).Expect(0);
        RunCommandTests.AssertAllAnswered(Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation"));
        var run = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run");
        Assert.Equal((1, 1), (run.GetProperty("abandonedThreads").GetInt64(), run.GetProperty("abandonedNow").GetInt64()));
    }

    private CommandProcess Run(string simulate) =>
        CommandProcess.Start(_directory.Path, "run", simulate, "--plugins", Path.Combine(_directory.Path, "plugins"), "--json");

    private void Plugin(string member)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_directory.Path, "plugins", "hanging")).FullName;
        File.WriteAllBytes(Path.Combine(folder, "Hanging.dll"), PluginAssembly.Build("hanging", member + " public Kvmi.Policy.Decision OnCr3(Kvmi.Policy.CrEvent e) => Kvmi.Policy.Decision.Allow;"));
    }

    private string Policy() => _directory.Write("policies/hanging/policy.yaml", SamplePolicies.Yaml
        .Replace("test.counter", "test.hanging", StringComparison.Ordinal)
        .Replace("  mode: audit", "  mode: audit\n  script: { plugin: hanging, type: Census }", StringComparison.Ordinal));
}
