using System.Text.Json;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>What a command left behind.</summary>
internal sealed record CommandResult(int ExitCode, string[] Output, string Errors)
{
    /// <summary>stdout as JSON lines; fails on a line that is none.</summary>
    public IReadOnlyList<JsonElement> Json => [.. Output.Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Fails with all output when the exit code is another one.</summary>
    public CommandResult Expect(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode} instead of {exitCode}\nstdout:\n{string.Join('\n', Output)}\nstderr:\n{Errors}");
        return this;
    }
}
