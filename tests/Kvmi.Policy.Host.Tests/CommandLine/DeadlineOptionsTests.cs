using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Session;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Tests.CommandLine;

public sealed class DeadlineOptionsTests
{
    [Theory]
    [InlineData("x", 500)]
    [InlineData("x --event-timeout 5ms", 5)]
    [InlineData("x --event-timeout 20ms", 20)]
    [InlineData("x --event-timeout 5s", 5000)]
    public void The_time_for_an_event_is_that_of_the_server(string line, double milliseconds) =>
        Assert.Equal(milliseconds, Read(line).EventTimeout.TotalMilliseconds);

    [Theory]
    [InlineData("4.9ms")]
    [InlineData("5001ms")]
    [InlineData("1h")]
    public void A_time_out_of_range_says_the_range(string time)
    {
        var exception = Assert.Throws<UsageException>(() => Read($"x --event-timeout {time}"));
        Assert.StartsWith($"--event-timeout {time} is out of range: give 5ms to 5s.", exception.Message, StringComparison.Ordinal);
    }

    private static KvmiServerOptions Read(string line)
    {
        var verb = new Command("x");
        var options = new DeadlineOptions();
        options.AddTo(verb);
        return options.Read(new RootCommand { verb }.Parse(line))(new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse("unix:/none")] });
    }
}
