using System.Text.Json;

namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class RunCommandTests
{
    [Fact]
    public async Task The_main_job_protects_the_simulated_guest_and_says_so()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate")).Expect(0);
        Assert.Contains(result.Output, line => line.Contains("connected", StringComparison.Ordinal) && line.Contains("v7", StringComparison.Ordinal));
        foreach (var alert in new[] { "lstar-hijack", "cr4-unpin", "wx-execute" })
        {
            Assert.Contains(result.Output, line => line.Contains("ALERT", StringComparison.Ordinal) && line.Contains(alert, StringComparison.Ordinal));
        }

        foreach (var policy in new[] { "cr3-watch", "lstar-lock", "cr4-pin", "wx-guard" })
        {
            Assert.Contains(result.Output, line => line.StartsWith("policy ", StringComparison.Ordinal) && line.Contains(policy, StringComparison.Ordinal));
        }

        Assert.StartsWith("run ", result.Output[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_main_job_as_json_lines_adds_up()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--json")).Expect(0);
        var lines = result.Json;
        Assert.All(lines, line => Assert.True(line.TryGetProperty("type", out _) && line.TryGetProperty("time", out _)));
        var alerts = lines.Where(line => Type(line) == "alert").Select(line => line.GetProperty("name").GetString()).ToHashSet();
        Assert.Superset(new HashSet<string?> { "lstar-hijack", "cr4-unpin", "wx-execute" }, alerts);
        Assert.Contains(lines, line => Type(line) == "decision" && line.GetProperty("decision").GetString() == "keep" && line.GetProperty("policy").GetString() == "lstar-lock");

        var policies = lines.Where(line => Summary(line) == "policy").ToList();
        Assert.Contains(policies, policy => policy.GetProperty("facts").GetArrayLength() > 0);

        // A deadline may be missed on a busy machine; nothing else may go wrong.
        Assert.All(policies, policy => Assert.Equal(policy.GetProperty("timeouts").GetInt64(), policy.GetProperty("errors").GetInt64()));
        var guest = Assert.Single(lines, line => Summary(line) == "simulation");
        var run = Assert.Single(lines, line => Summary(line) == "run");
        Assert.True(guest.GetProperty("endedAsWritten").GetBoolean());
        AssertAllAnswered(guest);
        Assert.Equal(guest.GetProperty("replyCount").GetInt64(), run.GetProperty("events").GetInt64());
        Assert.Equal("scenario", run.GetProperty("end").GetString());
        var socket = lines.First(line => Type(line) == "status" && line.GetProperty("status").GetString() == "listening").GetProperty("reason").GetString()!;
        Assert.False(Directory.Exists(Path.GetDirectoryName(socket["Listening on unix:".Length..].TrimEnd('.'))), "the private directory was left behind");
    }

    [Fact]
    public async Task Two_processes_meet_on_a_unix_socket()
    {
        using var directory = new TestDirectory();
        await using var host = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--json");
        await host.WaitForLineAsync("\"listening\"");
        var guest = (await CommandProcess.RunAsync("simulate", "--connect", directory.Socket(), "--vcpus", "3", "--settle", "1s", "--json")).Expect(0);
        await host.WaitForLineAsync("\"disconnected\"");
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        var simulation = Assert.Single(guest.Json, line => Summary(line) == "simulation");
        Assert.Equal(3, simulation.GetProperty("vcpus").GetInt32());
        AssertAllAnswered(simulation);
        Assert.Equal(simulation.GetProperty("replyCount").GetInt64(), Assert.Single(result.Json, line => Summary(line) == "run").GetProperty("events").GetInt64());
        Assert.False(File.Exists(Path.Combine(directory.Path, "kvmi.sock")), "the socket file was left behind");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_signal_while_events_flow_ends_in_order_with_everything_answered(bool interrupt)
    {
        using var directory = new TestDirectory();
        await using var host = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--json");
        await host.WaitForLineAsync("\"listening\"");
        await using var guest = CommandProcess.Start(directory.Path, "simulate", "--connect", directory.Socket(), "--scenario", "load", "--json");
        await host.WaitForLineAsync("\"new-root\"");
        if (interrupt)
        {
            host.Interrupt();
        }
        else
        {
            host.Terminate();
        }

        var result = (await host.WaitForExitAsync()).Expect(0);
        Assert.Equal("signal", Assert.Single(result.Json, line => Summary(line) == "run").GetProperty("end").GetString());
        var disconnected = Assert.Single(result.Json, line => Type(line) == "status" && line.GetProperty("status").GetString() == "disconnected").GetProperty("fields");
        Assert.Equal(disconnected.GetProperty("events").GetInt64(), disconnected.GetProperty("replies").GetInt64());
        Assert.Equal(0, disconnected.GetProperty("commandErrors").GetInt64());
        Assert.Equal("stopping", disconnected.GetProperty("cause").GetString());
        var ended = await guest.WaitForExitAsync();
        AssertAllAnswered(Assert.Single(ended.Json, line => Summary(line) == "simulation"));
    }

    [Fact]
    public async Task A_limit_of_events_ends_in_order()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate=load", "--events", "500", "--json")).Expect(0);
        Assert.Equal("events", Assert.Single(result.Json, line => Summary(line) == "run").GetProperty("end").GetString());
        AssertAllAnswered(Assert.Single(result.Json, line => Summary(line) == "simulation"));
    }

    [Fact]
    public async Task A_scenario_that_does_not_exist_is_wrong_usage()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate=nowhere")).Expect(2);
        Assert.Contains("nowhere", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_path_in_use_is_the_environments_fault_and_the_first_host_stays()
    {
        using var directory = new TestDirectory();
        await using var first = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--json");
        await first.WaitForLineAsync("\"listening\"");
        var second = (await CommandProcess.RunInAsync(directory.Path, "run", "--listen", directory.Socket())).Expect(3);
        Assert.Contains("kvmi.sock", second.Errors, StringComparison.Ordinal);
        (await CommandProcess.RunAsync("simulate", "--connect", directory.Socket())).Expect(0);
        first.Terminate();
        (await first.WaitForExitAsync()).Expect(0);
    }

    [Fact]
    public async Task A_missing_directory_is_the_environments_fault()
    {
        var result = (await CommandProcess.RunAsync("run", "--simulate", "--policies", "/nowhere/policies")).Expect(3);
        Assert.Contains("/nowhere/policies", result.Errors, StringComparison.Ordinal);
        (await CommandProcess.RunAsync("run", "--listen", "unix:/nowhere/kvmi.sock")).Expect(3);
    }

    internal static string? Type(JsonElement line) => line.GetProperty("type").GetString();

    internal static string? Summary(JsonElement line) => line.TryGetProperty("summary", out var kind) ? kind.GetString() : null;

    internal static void AssertAllAnswered(JsonElement simulation)
    {
        // UNHOOK is the one event of these runs that expects no reply.
        var events = simulation.GetProperty("events").EnumerateObject().Where(kind => kind.Name != "unhook").Sum(kind => kind.Value.GetInt64());
        Assert.NotEqual(0, events);
        Assert.Equal(events, simulation.GetProperty("replyCount").GetInt64());
    }
}
