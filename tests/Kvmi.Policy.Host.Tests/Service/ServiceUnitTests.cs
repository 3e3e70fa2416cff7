using System.CommandLine;
using System.Diagnostics;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Service;

/// <summary>The systemd unit says what the command understands, and what it must not forbid.</summary>
public sealed class ServiceUnitTests
{
    private static readonly string UnitPath = Path.Combine(AppContext.BaseDirectory, "kvmi-policy.service");
    private static readonly ILookup<string, string> Settings = File.ReadLines(UnitPath)
        .Where(line => line.Contains('=', StringComparison.Ordinal) && !line.StartsWith('#'))
        .Select(line => line.Split('=', 2)).ToLookup(parts => parts[0], parts => parts[1]);

    [Fact]
    public void The_command_line_of_the_unit_is_understood()
    {
        var words = Assert.Single(Settings["ExecStart"]).Split(' ');
        Assert.EndsWith("/kvmi-policy", words[0], StringComparison.Ordinal);
        var parse = Program.CreateRoot().Parse(words[1..]);
        Assert.Empty(parse.Errors);
        var known = parse.CommandResult.Command.Options.Select(option => option.Name).ToHashSet(StringComparer.Ordinal);
        var used = words.Where(word => word.StartsWith("--", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(used);
        Assert.All(used, option => Assert.Contains(option, known.AsEnumerable()));
    }

    [Fact]
    public void The_paths_of_the_command_line_are_those_that_the_unit_makes()
    {
        var command = Assert.Single(Settings["ExecStart"]);
        Assert.Contains($"unix:/run/{Assert.Single(Settings["RuntimeDirectory"])}/", command, StringComparison.Ordinal);
        Assert.Contains($"--state /var/lib/{Assert.Single(Settings["StateDirectory"])} ", command, StringComparison.Ordinal);
        Assert.Equal("0700", Assert.Single(Settings["StateDirectoryMode"]));
        Assert.Contains($"--compile-cache /var/cache/{Assert.Single(Settings["CacheDirectory"])} ", command, StringComparison.Ordinal);
        Assert.Equal("0700", Assert.Single(Settings["CacheDirectoryMode"]));
        Assert.Contains($"--socket-group {Assert.Single(Settings["SupplementaryGroups"])} ", command, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MemoryDenyWriteExecute", "no")]
    [InlineData("RestrictRealtime", "no")]
    [InlineData("NoNewPrivileges", "yes")]
    [InlineData("KillSignal", "SIGTERM")]
    [InlineData("RestartPreventExitStatus", "2 3")]
    public void What_the_program_needs_is_not_forbidden(string key, string value) => Assert.Equal(value, Assert.Single(Settings[key]));

    [Fact]
    public void Users_are_not_mapped_because_their_numbers_decide_who_may_connect() => Assert.Empty(Settings["PrivateUsers"]);

    [Fact]
    public async Task Systemd_finds_nothing_wrong()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "This machine has no systemd-analyze.");
        using var directory = new TestDirectory();
        var lines = File.ReadLines(UnitPath).Select(line => line.StartsWith("ExecStart=", StringComparison.Ordinal) ? "ExecStart=/bin/true" : line);
        var unit = directory.Write("kvmi-policy.service", string.Join('\n', lines) + "\n");
        Assert.Equal("", await AnalyzeAsync("verify", unit));
        Assert.Contains(" SAFE", await AnalyzeAsync("security", "--offline=true", "--no-pager", unit), StringComparison.Ordinal);
    }

    private static async Task<string> AnalyzeAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/systemd-analyze", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (await output + await errors).Trim();
    }
}
