using System.Text.Json;

namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class CompileCacheCommandTests
{
    private const string Compiler = "Microsoft.CodeAnalysis";

    [Fact]
    public async Task A_second_start_compiles_nothing_and_never_loads_the_compiler()
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "kept");
        var cache = Path.Combine(directory.Path, "cache");
        foreach (var (compiled, cached) in new[] { (1, 0), (0, 1) })
        {
            await using var host = Start(directory, cache);
            AssertScripts(await host.WaitForLineAsync("\"loaded\""), compiled, cached);
            await host.WaitForLineAsync("\"kept\"");
            var mapped = await File.ReadAllTextAsync($"/proc/{host.Id}/maps");
            Assert.Contains("Kvmi.Policy.Engine.dll", mapped, StringComparison.Ordinal);
            Assert.Equal(compiled > 0, mapped.Contains(Compiler, StringComparison.Ordinal));
            host.Terminate();
            (await host.WaitForExitAsync()).Expect(0);
        }
    }

    [Fact]
    public async Task A_saved_script_is_compiled_and_kept_as_well_and_one_that_comes_back_is_found()
    {
        using var directory = new TestDirectory();
        var cache = Path.Combine(directory.Path, "cache");
        var script = SamplePolicies.Write(directory, "first-text");
        await using (var host = Start(directory, cache))
        {
            await host.WaitForLineAsync("\"first-text\"");
            await File.WriteAllTextAsync(script, SamplePolicies.Script("second-text"));
            AssertScripts(await host.WaitForLineAsync("\"reloaded\""), 1, 0);
            await host.WaitForLineAsync("\"second-text\"");
            host.Terminate();
            (await host.WaitForExitAsync()).Expect(0);
        }

        await using var next = Start(directory, cache);
        AssertScripts(await next.WaitForLineAsync("\"loaded\""), 0, 1);
        await File.WriteAllTextAsync(script, SamplePolicies.Script("first-text"));
        AssertScripts(await next.WaitForLineAsync("\"reloaded\""), 0, 1);
        await next.WaitForLineAsync("\"first-text\"");
        Assert.DoesNotContain(Compiler, await File.ReadAllTextAsync($"/proc/{next.Id}/maps"), StringComparison.Ordinal);
        next.Terminate();
        (await next.WaitForExitAsync()).Expect(0);
    }

    [Fact]
    public async Task Processes_that_start_at_once_share_a_directory()
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "shared");
        var cache = Path.Combine(directory.Path, "cache");
        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => CommandProcess.RunInAsync(
            directory.Path, "validate", "policies", "--compile-cache", cache)));
        foreach (var result in results)
        {
            result.Expect(0);
            Assert.DoesNotContain("cache", result.Errors, StringComparison.Ordinal);
        }

        Assert.Equal(2, Directory.GetFiles(cache).Length);
    }

    [Fact]
    public async Task Off_keeps_nothing_and_a_directory_of_others_is_named_and_left_alone()
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "plain");
        (await CommandProcess.RunInAsync(directory.Path, "validate", "policies", "--compile-cache", "off")).Expect(0);
        Assert.False(Directory.Exists(Path.Combine(directory.Path, "off")));

        var open = Directory.CreateDirectory(Path.Combine(directory.Path, "open")).FullName;
        File.SetUnixFileMode(open, (UnixFileMode)0b111_111_111);
        var result = (await CommandProcess.RunInAsync(directory.Path, "validate", "policies", "--compile-cache", open)).Expect(0);
        Assert.Contains($"others have access to '{open}' (mode 0777)", result.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(open));
    }

    [Fact]
    public async Task A_damaged_file_is_told_at_debug_level_alone()
    {
        using var directory = new TestDirectory();
        SamplePolicies.Write(directory, "damaged");
        var cache = Path.Combine(directory.Path, "cache");
        string[] validate = ["validate", "policies", "--compile-cache", cache];
        (await CommandProcess.RunInAsync(directory.Path, validate)).Expect(0);
        var file = Assert.Single(Directory.GetFiles(cache, "*.script"));
        await File.WriteAllBytesAsync(file, [1, 2, 3]);
        var quiet = (await CommandProcess.RunInAsync(directory.Path, validate)).Expect(0);
        Assert.DoesNotContain("compiled anew", quiet.Errors, StringComparison.Ordinal);
        await File.WriteAllBytesAsync(file, [1, 2, 3]);
        var debug = (await CommandProcess.RunInAsync(directory.Path, [.. validate, "--log-level", "debug"])).Expect(0);
        Assert.Contains("compiled anew: it does not begin as a compiled script", debug.Errors, StringComparison.Ordinal);
    }

    private static CommandProcess Start(TestDirectory directory, string cache) =>
        CommandProcess.Start(directory.Path, "run", "--simulate=load", "--json", "--compile-cache", cache);

    private static void AssertScripts(string line, int compiled, int cached)
    {
        var fields = JsonDocument.Parse(line).RootElement.GetProperty("fields");
        Assert.Equal((compiled, cached), (fields.GetProperty("compiled").GetInt32(), fields.GetProperty("cached").GetInt32()));
    }
}
