using System.Diagnostics;
using Kvmi.Policy.Host.Authoring;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>new, as a beginner uses it.</summary>
public class NewCommandTests
{
    [Fact]
    public void There_is_a_template_for_every_event_that_comes_unasked() =>
        Assert.Equal(
            Kvmi.Policy.Engine.Code.PolicyEvents.All.Select(entry => entry.Name).Where(name => name != "singlestep").Order(),
            EventTemplate.All.Select(template => template.Event).Order());

    [Fact]
    public async Task A_new_policy_of_each_event_passes_its_tests_without_a_finding()
    {
        using var directory = new TestDirectory();
        foreach (var template in EventTemplate.All)
        {
            (await CommandProcess.RunInAsync(directory.Path, "new", $"my-{template.Event}", "--event", template.Event)).Expect(0);
        }

        var validated = (await CommandProcess.RunAsync("validate", directory.Path)).Expect(0);
        Assert.Equal([$"{EventTemplate.All.Count} policy files: 0 errors, 0 warnings"], validated.Output);
        var tested = (await CommandProcess.RunAsync("test", directory.Path)).Expect(0);
        Assert.Equal(EventTemplate.All.Sum(template => template.Quiet is null ? 2 : 3), tested.Output.Length - 1);
        Assert.All(tested.Output[..^1], line => Assert.StartsWith("passed  my-", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_editor_can_build_the_script_and_sees_an_error_in_it()
    {
        using var directory = new TestDirectory();
        (await CommandProcess.RunAsync("new", "my-policy", "--into", directory.Path)).Expect(0);
        var folder = Path.Combine(directory.Path, "my-policy");
        Assert.Equal(0, await BuildAsync(folder));
        await File.AppendAllTextAsync(Path.Combine(folder, "my-policy.csx"), "Decision Bad(MsrEvent e) => e.Nothing;\n");
        Assert.NotEqual(0, await BuildAsync(folder));
    }

    [Fact]
    public async Task A_new_plugin_builds_loads_and_passes_its_tests()
    {
        using var directory = new TestDirectory();
        (await CommandProcess.RunInAsync(directory.Path, "new", "plugin", "my-plugin")).Expect(0);
        Assert.Equal(0, await BuildAsync(Path.Combine(directory.Path, "my-plugin")));
        var tested = (await CommandProcess.RunInAsync(directory.Path, "test", "my-plugin", "--plugins", "my-plugin/bin/Release/net10.0")).Expect(0);
        Assert.Equal("2 passed, 0 failed", tested.Output[^1]);
    }

    [Theory]
    [InlineData("Upper")]
    [InlineData("../out")]
    [InlineData("a b")]
    [InlineData("a--b")]
    [InlineData("9a")]
    [InlineData("a.b")]
    [InlineData("a\n")]
    [InlineData("")]
    [InlineData("a123456789-123456789-123456789-123456789-123456789-123456789-1")]
    public async Task A_name_that_cannot_be_one_is_refused_and_nothing_is_written(string name)
    {
        using var directory = new TestDirectory();
        (await CommandProcess.RunInAsync(directory.Path, "new", name)).Expect(2);
        (await CommandProcess.RunInAsync(directory.Path, "new", "plugin", name)).Expect(2);
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    [Fact]
    public async Task Nothing_is_overwritten()
    {
        using var directory = new TestDirectory();
        var file = directory.Write("mine/policy.yaml", "mine");
        var result = (await CommandProcess.RunInAsync(directory.Path, "new", "mine")).Expect(3);
        Assert.Contains("nothing is overwritten", result.Errors, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(file));
        Assert.Equal([file], Directory.GetFiles(directory.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task An_event_that_does_not_exist_is_named() =>
        Assert.Contains("'mrs' is not one of msr, cr, pf", (await CommandProcess.RunAsync("new", "x", "--event", "mrs")).Expect(2).Errors, StringComparison.Ordinal);

    private static async Task<int> BuildAsync(string folder)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach (var argument in new[] { "build", "-c", "Release", "-nodeReuse:false" })
        {
            start.ArgumentList.Add(argument);
        }

        // The tests run inside of a build themselves, whose settings are not this project's.
        start.Environment.Remove("MSBUILD_EXE_PATH");
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            await Task.WhenAll(output, errors, process.WaitForExitAsync(limit.Token));
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            Assert.Fail("dotnet build did not end within five minutes.");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(await output + await errors);
        return process.ExitCode;
    }
}
