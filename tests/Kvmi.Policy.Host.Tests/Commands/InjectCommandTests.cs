using System.Text.Json;
using static Kvmi.Policy.Host.Tests.Commands.RunCommandTests;

namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class InjectCommandTests
{
    private static readonly string[] Kinds = ["timeout", "exception", "lost-peer", "slow-peer", "full-queue", "gc", "oom"];

    [Theory]
    [InlineData("timeout", "1/2", "timeout")]
    [InlineData("exception", "50%", "policy-error")]
    [InlineData("oom", "0.5", "policy-error")]
    [InlineData("gc", "1/10", null)]
    [InlineData("full-queue", "0.5", "lost-output")]
    [InlineData("slow-peer", "0.2", "timeout")]
    public async Task Each_kind_happens_and_the_run_ends_in_order_with_every_event_answered(string kind, string rate, string? status)
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(
            directory.Path, "run", "--simulate", "--json", "--inject", $"{kind}={rate}", "--inject-seed", "1")).Expect(0);
        var announced = result.Json[0];
        Assert.Equal("fault-injection", announced.GetProperty("status").GetString());
        Assert.Equal("0x1", announced.GetProperty("fields").GetProperty("seed").GetString());
        Assert.Contains("injected on purpose", result.Errors, StringComparison.OrdinalIgnoreCase);
        var run = Assert.Single(result.Json, line => Summary(line) == "run");
        Assert.Equal("0x1", run.GetProperty("injectSeed").GetString());
        var injected = Number(run, "injected", kind);
        Assert.InRange(injected, 1, Number(run, "injectOpportunities", kind));
        Assert.Single(run.GetProperty("injected").EnumerateObject());
        if (status is not null)
        {
            Assert.Contains(result.Json, line => Type(line) == "status" && line.GetProperty("status").GetString() == status);
        }

        var guest = Assert.Single(result.Json, line => Summary(line) == "simulation");
        Assert.True(guest.GetProperty("endedAsWritten").GetBoolean());
        AssertAllAnswered(guest);
        Assert.Equal(guest.GetProperty("replyCount").GetInt64(), run.GetProperty("events").GetInt64());

        // A thread that was given up runs only when nothing else wants the processor: that it ends is waited for in PolicyFaultTests, and on a
        // busy machine it may not have by the summary.
        Assert.InRange(run.GetProperty("abandonedNow").GetInt64(), 0, run.GetProperty("abandonedThreads").GetInt64());

        // On a busy machine a handler may be late all by itself.
        var policies = result.Json.Where(line => Summary(line) == "policy").ToList();
        var timeouts = policies.Sum(line => line.GetProperty("timeouts").GetInt64());
        Assert.Equal(kind is "exception" or "oom" ? injected : 0, policies.Sum(line => line.GetProperty("errors").GetInt64()) - timeouts);
        Assert.True(kind != "timeout" || (timeouts >= injected && run.GetProperty("abandonedThreads").GetInt64() >= injected));
        Assert.Equal(kind == "full-queue" ? injected : 0, run.GetProperty("lostOutput").GetInt64());
    }

    [Fact]
    public async Task A_lost_peer_connects_again_and_is_guarded_again()
    {
        using var directory = new TestDirectory();

        // With this seed the fault comes at the 98th message, when events flow, and the next one far behind the end.
        var result = (await CommandProcess.RunInAsync(
            directory.Path, "run", "--simulate=load", "--events", "300", "--json", "--inject", "lost-peer=1/150", "--inject-seed", "43")).Expect(0);
        var run = Assert.Single(result.Json, line => Summary(line) == "run");
        var losses = Number(run, "injected", "lost-peer");
        Assert.Equal(1, losses);
        var gone = Statuses(result, "disconnected");
        Assert.Equal(losses, gone.Count(line => line.GetProperty("fields").GetProperty("cause").GetString() == "peerLost"));
        Assert.All(gone.Where(line => line.GetProperty("fields").GetProperty("cause").GetString() == "peerLost"), line =>
            Assert.Contains("fault injection", line.GetProperty("reason").GetString(), StringComparison.Ordinal));
        Assert.Equal(losses + 1, Statuses(result, "connected").Length);
        Assert.Equal(losses, Statuses(result, "connected").Count(line => line.GetProperty("fields").GetProperty("arrival").GetString() == "again"));
        Assert.Equal(losses + 1, Statuses(result, "in-service").Length);
        Assert.Equal("events", run.GetProperty("end").GetString());
    }

    [Fact]
    public async Task All_kinds_at_once_over_a_socket_and_the_counters_balance()
    {
        using var directory = new TestDirectory();

        // Many, because one that hangs is out of service until the VM connects again, and without any there are no events.
        for (var i = 0; i < 12; i++)
        {
            var yaml = SamplePolicies.Yaml.Replace("test.counter", $"test.counter{i}", StringComparison.Ordinal);
            directory.Write($"policies/counter{i}/policy.yaml", $"{yaml}\n  onError: {{ decision: allow, quarantineAfter: never }}\n");
            directory.Write($"policies/counter{i}/counter.csx", SamplePolicies.Script("seen"));
        }

        await using var host = CommandProcess.Start(
            directory.Path, "run", "--listen", directory.Socket(), "--policies", "policies", "--json", "--inject-seed", "3",
            "--inject", "timeout=1/4000,exception=1/1000,oom=1/1000,gc=1/100", "--inject", "lost-peer=1/500,slow-peer=1/50,full-queue=1/10");
        await host.WaitForLineAsync("\"listening\"");
        var guest = (await CommandProcess.RunAsync(
            "simulate", "--connect", directory.Socket(), "--scenario", "load", "--events", "2000", "--reconnect", "20ms", "--json")).Expect(0);
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);

        var run = Assert.Single(result.Json, line => Summary(line) == "run");
        Assert.All(Kinds, kind => Assert.NotEqual(0, Number(run, "injected", kind)));
        var vcpus = Assert.Single(guest.Json, line => Summary(line) == "simulation").GetProperty("vcpus").GetInt64();
        long replies = 0;
        var losses = 0;
        foreach (var fields in Statuses(result, "disconnected").Select(line => line.GetProperty("fields")))
        {
            var open = fields.GetProperty("events").GetInt64() - fields.GetProperty("replies").GetInt64();
            replies += fields.GetProperty("replies").GetInt64();

            // Only what waited when a connection was lost stays without an answer, at most one event of each vCPU; the kernel lets these go on.
            var isLost = fields.GetProperty("cause").GetString() == "peerLost";
            losses += isLost ? 1 : 0;
            Assert.InRange(open, 0, isLost ? vcpus : 0);
        }

        Assert.Equal(run.GetProperty("events").GetInt64(), replies);
        Assert.Equal(Number(run, "injected", "lost-peer"), losses);
        Assert.Equal(Number(run, "injected", "full-queue"), run.GetProperty("lostOutput").GetInt64());
        Assert.True(run.GetProperty("abandonedThreads").GetInt64() >= Number(run, "injected", "timeout"));
        Assert.InRange(run.GetProperty("abandonedNow").GetInt64(), 0, run.GetProperty("abandonedThreads").GetInt64());
        var errors = result.Json.Where(line => Summary(line) == "policy").Sum(line => line.GetProperty("errors").GetInt64());
        Assert.True(errors >= Number(run, "injected", "exception") + Number(run, "injected", "oom") + Number(run, "injected", "timeout"));
    }

    [Theory]
    [InlineData("slow=0.1")]
    [InlineData("timeout")]
    [InlineData("timeout=")]
    [InlineData("timeout=2")]
    [InlineData("timeout=0")]
    [InlineData("timeout=-1")]
    [InlineData("timeout=1/0")]
    [InlineData("timeout=150%")]
    [InlineData("timeout=NaN")]
    [InlineData("gc=0.1,slow-peer=x")]
    [InlineData("")]
    public async Task What_is_no_kind_or_no_rate_is_wrong_usage_and_the_kinds_are_listed(string text)
    {
        var result = (await CommandProcess.RunAsync("run", "--simulate", "--inject", text)).Expect(2);
        Assert.All(Kinds, kind => Assert.Contains(kind, result.Errors, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("give each kind once", "--inject", "gc=0.1", "--inject", "gc=0.2")]
    [InlineData("give --inject too", "--inject-seed", "4")]
    public async Task What_contradicts_itself_is_wrong_usage(string expected, params string[] options) =>
        Assert.Contains(expected, (await CommandProcess.RunAsync(["run", "--simulate", .. options])).Expect(2).Errors, StringComparison.Ordinal);

    [Fact]
    public async Task Without_the_option_nothing_is_said_about_faults()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--json")).Expect(0);
        Assert.False(Assert.Single(result.Json, line => Summary(line) == "run").TryGetProperty("injected", out _));
        Assert.Empty(Statuses(result, "fault-injection"));
    }

    internal static JsonElement[] Statuses(CommandResult result, string status) =>
        [.. result.Json.Where(line => Type(line) == "status" && line.GetProperty("status").GetString() == status)];

    private static long Number(JsonElement run, string field, string kind) => run.GetProperty(field).GetProperty(kind).GetInt64();
}
