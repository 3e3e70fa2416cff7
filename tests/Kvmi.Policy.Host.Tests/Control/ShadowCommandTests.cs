using System.Text.Json;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Control;

/// <summary>A policy that is tried beside the live one on a guest that goes on, and then promoted: the whole way by the verbs.</summary>
public sealed class ShadowCommandTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task A_saved_script_is_tried_in_the_shadow_and_promoted()
    {
        using var directory = new TestDirectory();
        var script = SamplePolicies.Write(directory, "unused");
        await File.WriteAllTextAsync(script, "Decision OnCr3(CrEvent e) => Allow;\n");
        await using var host = await StartAsync(directory, "--shadow");
        Assert.Equal(0, (await ShadowAsync(directory)).GetProperty("generation").GetInt32());
        Assert.Contains("There is no shadow", (await RunAsync(directory, "promote")).Expect(1).Errors, StringComparison.Ordinal);

        await File.WriteAllTextAsync(script, "Decision OnCr3(CrEvent e)\n{\n    Alert(\"tried\");\n    return Keep(e.Old);\n}\n");
        var line = JsonDocument.Parse(await host.WaitForLineAsync("\"shadowed\"")).RootElement.GetProperty("fields");
        Assert.Equal((1, 2), (line.GetProperty("generation").GetInt32(), line.GetProperty("shadowGeneration").GetInt32()));

        // An audit policy: what differs is what it would have done.
        await host.WaitForLineAsync("\"shadow-differs\"");
        JsonElement shadow;
        var started = TimeProvider.System.GetTimestamp();
        do
        {
            shadow = await ShadowAsync(directory);
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, "no event is decided otherwise");
        }
        while (shadow.GetProperty("differing").GetInt64() == 0);
        Assert.Equal((2, 1), (shadow.GetProperty("generation").GetInt32(), shadow.GetProperty("live").GetInt32()));
        var difference = shadow.GetProperty("differences")[0];
        Assert.Equal("keep", difference.GetProperty("shadow").GetProperty("wouldHave").GetString());
        Assert.False(difference.GetProperty("live").TryGetProperty("wouldHave", out _));
        Assert.DoesNotContain(host.Output, output => output.Contains("\"tried\"", StringComparison.Ordinal));
        Assert.Contains("would have: keep", (await RunAsync(directory, "shadow")).Expect(0).Errors + string.Join('\n', (await RunAsync(directory, "shadow")).Output), StringComparison.Ordinal);

        var promoted = Assert.Single((await RunAsync(directory, "promote", "--json")).Expect(0).Json);
        Assert.Equal(2, promoted.GetProperty("generation").GetInt32());
        await host.WaitForLineAsync("\"promoted\"");
        await host.WaitForLineAsync("\"tried\"");

        // And one more, which is dropped.
        await File.WriteAllTextAsync(script, "Decision OnCr3(CrEvent e) => Set(0);\n");
        await host.WaitForLineAsync("\"shadowGeneration\":3");
        Assert.Contains("generation 2 stays live", string.Join('\n', (await RunAsync(directory, "discard")).Expect(0).Output), StringComparison.Ordinal);
        await host.WaitForLineAsync("\"discarded\"");
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        RunCommandTests.AssertAllAnswered(Assert.Single(result.Json, json => RunCommandTests.Summary(json) == "simulation"));
        Assert.Equal(1, Assert.Single(result.Json, json => RunCommandTests.Summary(json) == "run").GetProperty("reloads").GetInt64());
    }

    [Fact]
    public async Task A_reload_that_is_asked_for_as_shadow_does_not_go_live()
    {
        using var directory = new TestDirectory();
        var script = SamplePolicies.Write(directory, "first-text");
        await using var host = await StartAsync(directory);
        await host.WaitForLineAsync("\"first-text\"");
        var reload = Assert.Single((await RunAsync(directory, "reload", "--shadow", "--json")).Expect(0).Json);
        Assert.Equal((1, 2), (reload.GetProperty("generation").GetInt32(), reload.GetProperty("shadowGeneration").GetInt32()));
        Assert.Equal(2, (await ShadowAsync(directory)).GetProperty("generation").GetInt32());

        // A save goes live, and takes the place of the shadow.
        await File.WriteAllTextAsync(script, SamplePolicies.Script("second-text"));
        await host.WaitForLineAsync("\"second-text\"");
        Assert.Equal(0, (await ShadowAsync(directory)).GetProperty("generation").GetInt32());
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);
    }

    private static async Task<JsonElement> ShadowAsync(TestDirectory directory) =>
        Assert.Single((await RunAsync(directory, "shadow", "--json")).Expect(0).Json);

    private static string SocketOf(TestDirectory directory) => Path.Combine(directory.Path, "c.sock");

    private static Task<CommandResult> RunAsync(TestDirectory directory, params string[] arguments) =>
        CommandProcess.RunInAsync(directory.Path, [.. arguments, "--control", SocketOf(directory)]);

    private static async Task<CommandProcess> StartAsync(TestDirectory directory, params string[] arguments)
    {
        var host = CommandProcess.Start(
            directory.Path, ["run", "--simulate=load", "--control", SocketOf(directory), "--state", Path.Combine(directory.Path, "state"), "--json", .. arguments]);
        await host.WaitForLineAsync("\"in-service\"");
        return host;
    }
}
