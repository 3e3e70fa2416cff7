using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Tests.CommandLine;

public sealed class ParsingTests
{
    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("10s", 10_000)]
    [InlineData("1.5m", 90_000)]
    [InlineData("2h", 7_200_000)]
    [InlineData("1d", 86_400_000)]
    public void Durations_have_units(string text, double milliseconds)
    {
        Assert.True(DurationText.TryParse(text, out var duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("0s")]
    [InlineData("-1s")]
    [InlineData("s")]
    [InlineData("1e9d")]
    [InlineData("400d")]
    [InlineData("10 s")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(DurationText.TryParse(text, out _));

    [Theory]
    [InlineData("run --events 0")]
    [InlineData("run --for 10")]
    [InlineData("run --mode both")]
    [InlineData("run --dialect v8")]
    [InlineData("run --bogus")]
    [InlineData("dialects v9")]
    [InlineData("validate")]
    [InlineData("test")]
    [InlineData("replay")]
    [InlineData("decode")]
    [InlineData("doctor --wait 10")]
    [InlineData("frobnicate")]
    [InlineData("")]
    public void Wrong_usage_is_found_by_the_parser(string arguments) => Assert.NotEmpty(Program.CreateRoot().Parse(arguments).Errors);

    [Theory]
    [InlineData("run")]
    [InlineData("simulate")]
    [InlineData("validate")]
    [InlineData("test")]
    [InlineData("replay")]
    [InlineData("decode")]
    [InlineData("doctor")]
    [InlineData("dialects")]
    public void Every_verb_describes_itself_with_an_example(string verb)
    {
        var command = Assert.Single(Program.CreateRoot().Subcommands, command => command.Name == verb);
        Assert.Contains($"kvmi-policy {verb} ", command.Description, StringComparison.Ordinal);
    }
}
