using System.Globalization;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>run with --latency, --cpus and --realtime.</summary>
public sealed class LatencyCommandTests
{
    [Theory]
    [InlineData("--latency", "fast", "fast")]
    [InlineData("--cpus", "2-1", "--cpus '2-1' is no list of processors: write numbers and ranges below 1024, such as 2 or 0-3,8.")]
    [InlineData("--cpus", "5000", "is no list of processors")]
    [InlineData("--realtime", "rr:99", "--realtime 'rr:99' is neither fifo nor rr, with or without a priority from 1 to 98: write rr or fifo:10.")]
    [InlineData("--realtime", "rr:", "is neither fifo nor rr")]
    [InlineData("--realtime", "batch", "is neither fifo nor rr")]
    public async Task What_cannot_be_read_is_wrong_usage(string option, string value, string message) =>
        Assert.Contains(message, (await CommandProcess.RunAsync("run", "--simulate", option, value)).Expect(2).Errors, StringComparison.Ordinal);

    [Fact]
    public async Task A_processor_that_is_not_there_is_a_matter_of_the_machine()
    {
        var result = (await CommandProcess.RunAsync("run", "--simulate", "--cpus", "0,1023")).Expect(3);
        Assert.Contains("--cpus: Processor 1023 is not one that this process may use: it may use ", result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("low")]
    [InlineData("balanced")]
    [InlineData("idle")]
    public async Task Every_mode_serves_a_guest_to_its_end(string mode)
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunAsync(
            "run", "--simulate", "--latency", mode, "--cpus", FirstProcessor(), "--state", Path.Combine(directory.Path, "state"), "--json")).Expect(0);
        var summary = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run");
        Assert.True(summary.GetProperty("events").GetInt64() > 100);
        Assert.Equal("scenario", summary.GetProperty("end").GetString());
    }

    private static string FirstProcessor()
    {
        const string Name = "Cpus_allowed_list:";
        var list = File.ReadLines("/proc/self/status").First(line => line.StartsWith(Name, StringComparison.Ordinal))[Name.Length..].Trim();
        return int.Parse(list.Split(',', '-')[0], CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture);
    }
}
