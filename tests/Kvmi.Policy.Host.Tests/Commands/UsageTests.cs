namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class UsageTests
{
    [Theory]
    [InlineData("frobnicate")]
    [InlineData("run", "--bogus")]
    [InlineData("run")]
    [InlineData("run", "--simulate", "--dialect", "v99")]
    [InlineData("run", "--listen", "unix:/tmp/kvmi-usage.sock", "--simulated-dialect", "v7")]
    [InlineData("run", "--listen", "unix:/tmp/kvmi-usage.sock", "--vcpus", "2")]
    [InlineData("run", "--simulate", "--event-timeout", "4ms")]
    [InlineData("run", "--simulate", "--event-timeout", "5.1s")]
    [InlineData("run", "--simulate", "--event-timeout", "20")]
    [InlineData("dialects", "v9")]
    [InlineData("dialects", "--markdown", "--json")]
    [InlineData("dialects", "--markdown", "v7")]
    [InlineData("simulate")]
    [InlineData("simulate", "--connect", "carrier-pigeon:7")]
    [InlineData("validate")]
    public async Task Wrong_usage_gives_2_and_says_what_to_do(params string[] arguments)
    {
        var result = (await CommandProcess.RunAsync(arguments)).Expect(2);
        Assert.Empty(result.Output);
        Assert.StartsWith("kvmi-policy: ", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_is_no_error_and_lists_the_verbs()
    {
        var result = (await CommandProcess.RunAsync("--help")).Expect(0);
        foreach (var verb in new[] { "run", "simulate", "validate", "test", "replay", "decode", "dialects" })
        {
            Assert.Contains(result.Output, line => line.TrimStart().StartsWith(verb, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_log_configuration_that_is_missing_or_wrong_is_the_environments_fault()
    {
        using var directory = new TestDirectory();
        var capture = Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures", "kvmi-v7-setup.hex");
        (await CommandProcess.RunAsync("decode", capture, "--log-config", Path.Combine(directory.Path, "none.xml"))).Expect(3);
        (await CommandProcess.RunAsync("decode", capture, "--log-config", directory.Write("a.xml", "<nlog><targets></nlog>"))).Expect(3);
        (await CommandProcess.RunAsync("decode", capture, "--log-config", directory.Write("a.json", "{ nothing"))).Expect(3);
    }

    [Theory]
    [InlineData("nlog.xml", "<nlog><targets><target name=\"f\" type=\"File\" fileName=\"DIR/out.log\" layout=\"${event-properties:EventId} ${message}\"/></targets><rules><logger name=\"*\" minlevel=\"Info\" writeTo=\"f\"/></rules></nlog>")]
    [InlineData("nlog.json", "{\"NLog\":{\"targets\":{\"f\":{\"type\":\"File\",\"fileName\":\"DIR/out.log\",\"layout\":\"${message}\"}},\"rules\":[{\"logger\":\"*\",\"minLevel\":\"Info\",\"writeTo\":\"f\"}]}}")]
    public async Task The_operators_log_configuration_replaces_the_built_in_one(string name, string text)
    {
        using var directory = new TestDirectory();
        var configuration = directory.Write(name, text.Replace("DIR", directory.Path, StringComparison.Ordinal));
        var capture = Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures", "kvmi-v7-setup.hex");
        var result = (await CommandProcess.RunAsync("decode", capture, "--log-config", configuration)).Expect(0);
        Assert.Contains("Verb decode starts", await File.ReadAllTextAsync(Path.Combine(directory.Path, "out.log")), StringComparison.Ordinal);
        Assert.DoesNotContain("Verb decode starts", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_log_goes_to_stderr_from_the_level_that_is_asked_for()
    {
        var capture = Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures", "kvmi-v7-setup.hex");
        var quiet = (await CommandProcess.RunAsync("decode", capture)).Expect(0);
        Assert.Empty(quiet.Errors);
        var chatty = (await CommandProcess.RunAsync("decode", capture, "--log-level", "info")).Expect(0);
        Assert.Contains("Verb decode starts", chatty.Errors, StringComparison.Ordinal);
        Assert.Equal(quiet.Output, chatty.Output);
    }
}
