using System.Text.Json;
using Kvmi.Protocol.Dialects;
using Kvmi.Simulator;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>The shipped policies protect the same guest in every dialect, through the built command.</summary>
public sealed class DialectCommandTests
{
    public static TheoryData<string> Dialects => [.. Dialect.All.Where(HasKernel).Select(dialect => dialect.Name)];

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task The_attacks_are_kept_out(string dialect)
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate=attacks", "--dialect", dialect, "--json")).Expect(0);
        AssertProtected(result, dialect);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task The_dialect_of_the_guest_is_detected(string dialect)
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--simulated-dialect", dialect, "--vcpus", "3", "--json")).Expect(0);
        AssertProtected(result, dialect);
    }

    // Asked of the simulator itself: a dialect without a simulated kernel is refused before anything is connected.
    private static bool HasKernel(Dialect dialect)
    {
        try
        {
            using var cancelled = new CancellationTokenSource();
            cancelled.Cancel();
            _ = Simulation.RunAsync(new SimulatorOptions { Endpoint = "unix:/nowhere", Dialect = dialect.Id }, cancelled.Token);
            return true;
        }
        catch (SimulatorException)
        {
            return false;
        }
    }

    private static void AssertProtected(CommandResult result, string dialect)
    {
        var connected = Assert.Single(result.Json, line => RunCommandTests.Type(line) == "status" && line.GetProperty("status").GetString() == "connected");
        Assert.Equal(dialect, connected.GetProperty("fields").GetProperty("dialect").GetString());
        var guest = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation");
        Assert.True(guest.GetProperty("endedAsWritten").GetBoolean());
        RunCommandTests.AssertAllAnswered(guest);
        Assert.Equal(("kept", "kept"), (Consequence(guest, "lstar"), Consequence(guest, "smep")));
        Assert.DoesNotContain(result.Json, line => RunCommandTests.Type(line) == "status" && line.GetProperty("status").GetString() is "refused" or "policy-error");
    }

    private static string? Consequence(JsonElement guest, string name) => guest.GetProperty("consequences").EnumerateArray()
        .First(consequence => consequence.GetProperty("name").GetString() == name && consequence.GetProperty("vcpu").GetInt32() == 0).GetProperty("value").GetString();
}
