using System.Text.Json;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>Recording, replay and editing of traces, through the built command.</summary>
public sealed class TraceCommandTests
{
    private const string Reader = """
        Decision OnMsr(MsrEvent e)
        {
            Record(Memory.TryReadPhysical(0x123000, 8) is null ? "unreadable" : "readable");
            return Allow;
        }
        """;

    public static TheoryData<string> Dialects => [.. Dialect.All.Select(dialect => dialect.Name)];

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_replay_decides_every_event_as_the_run_did(string dialect)
    {
        using var directory = new TestDirectory();
        var trace = await Record(directory, "--dialect", dialect);

        (await CommandProcess.RunInAsync(directory.Path, "trace", "verify", trace)).Expect(0);
        var replay = (await CommandProcess.RunInAsync(directory.Path, "replay", trace, "--diff", "previous", "--json")).Expect(0);
        var total = replay.Json[^1];
        Assert.True(total.GetProperty("events").GetInt64() > 10, total.ToString());
        Assert.Equal(Number(total, "events"), Number(total, "same") + Number(total, "late"));
        Assert.True(Number(total, "same") > 10, total.ToString());
        Assert.Equal((0, 0, 0), (Number(total, "differences"), Number(total, "notRecorded"), Number(total, "lost")));

        // What is compared is not always "allow".
        var shown = (await CommandProcess.RunInAsync(directory.Path, "trace", "show", trace, "--events", "--json")).Expect(0);
        var decisions = shown.Json.Where(line => RunCommandTests.Type(line) == "traceEvent").ToList();
        Assert.Equal(total.GetProperty("events").GetInt64(), decisions.Count);
        Assert.Contains(decisions, line => line.GetProperty("decision").GetString() is "keep" or "set");
        Assert.Equal(dialect, Assert.Single(shown.Json, line => RunCommandTests.Type(line) == "traceVm").GetProperty("dialect").GetString());
    }

    [Fact]
    public async Task Another_mode_is_a_difference_with_votes_and_exit_code_1()
    {
        using var directory = new TestDirectory();
        var trace = await Record(directory);

        var result = (await CommandProcess.RunInAsync(directory.Path, "replay", trace, "--mode", "audit", "--diff", "previous", "--json")).Expect(1);
        var difference = result.Json.First(line => RunCommandTests.Type(line) == "difference");
        var (now, then) = (difference.GetProperty("now"), difference.GetProperty("then"));
        Assert.Equal("allow", now.GetProperty("decision").GetString());
        Assert.Contains(then.GetProperty("decision").GetString(), new[] { "keep", "set" });
        Assert.Equal(then.GetProperty("decision").GetString(), now.GetProperty("wouldHave").GetString());
        Assert.Matches("lstar-lock|cr4-pin", then.GetProperty("votes").GetString());

        // Against the same policies there is none, and against itself there is none.
        (await CommandProcess.RunInAsync(directory.Path, "replay", trace, "--diff", SamplePolicies.Shipped)).Expect(0);
        (await CommandProcess.RunInAsync(directory.Path, "replay", trace, "--diff", trace)).Expect(0);
    }

    [Fact]
    public async Task What_the_trace_does_not_hold_fails_a_strict_replay_and_is_listed()
    {
        using var directory = new TestDirectory();
        var trace = await Record(directory);
        directory.Write("reader/policy.yaml", SamplePolicies.Yaml.Replace("event: cr", "event: msr", StringComparison.Ordinal)
            .Replace("when: { cr: 3 }", "when: { msr: lstar }", StringComparison.Ordinal).Replace("OnCr3", "OnMsr", StringComparison.Ordinal));
        directory.Write("reader/reader.csx", Reader);
        var policies = Path.Combine(directory.Path, "reader");

        var strict = (await CommandProcess.RunInAsync(directory.Path, "replay", trace, "--policy", policies, "--json")).Expect(1);
        Assert.Contains(strict.Json, line => RunCommandTests.Type(line) == "notRecorded"
            && line.GetProperty("reason").GetString()!.Contains("bytes at 0x123000", StringComparison.Ordinal));
        Assert.True(Number(strict.Json[^1], "notRecorded") > 0);

        var loose = (await CommandProcess.RunInAsync(directory.Path, "replay", trace, "--policy", policies, "--loose", "--json")).Expect(0);
        Assert.Contains(loose.Json, line => RunCommandTests.Type(line) == "record" && line.GetProperty("name").GetString() == "unreadable");
        Assert.Equal(0, Number(loose.Json[^1], "notRecorded"));
    }

    [Fact]
    public async Task A_killed_recorder_leaves_a_trace_that_replays()
    {
        using var directory = new TestDirectory();
        var trace = Path.Combine(directory.Path, "killed.kvmitrace");
        await using (var host = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--record", trace, "--json"))
        {
            await host.WaitForLineAsync("\"listening\"");
            (await CommandProcess.RunAsync("simulate", "--connect", directory.Socket(), "--settle", "1s")).Expect(0);
            await host.WaitForLineAsync("\"disconnected\"");

            // The guest's last chunk is in the file within a second of the recorder's clock.
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
            while (!await Shows(directory, trace, "keep"))
            {
                limit.Token.ThrowIfCancellationRequested();
            }

            host.Signal(9);
        }

        var show = (await CommandProcess.RunInAsync(directory.Path, "trace", "show", trace)).Expect(0);
        Assert.Contains("there is no index", show.Output[^1], StringComparison.Ordinal);
        (await CommandProcess.RunInAsync(directory.Path, "trace", "verify", trace)).Expect(1);
        var replay = (await CommandProcess.RunInAsync(directory.Path, "replay", trace, "--diff", "previous", "--json")).Expect(0);
        Assert.True(Number(replay.Json[^1], "same") > 10);
        Assert.Contains("there is no index", replay.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cut_keeps_what_its_events_need()
    {
        using var directory = new TestDirectory();
        var trace = await Record(directory);
        var cut = Path.Combine(directory.Path, "cut.kvmitrace");
        var hijack = (await CommandProcess.RunInAsync(directory.Path, "trace", "show", trace, "--events", "--json")).Expect(0).Json
            .First(line => RunCommandTests.Type(line) == "traceEvent" && line.GetProperty("decision").GetString() is ("keep" or "set") && line.TryGetProperty("policy", out _))
            .GetProperty("number").GetInt64();

        (await CommandProcess.RunInAsync(directory.Path, "trace", "cut", trace, "--event", $"{hijack}..{hijack}", "-o", cut)).Expect(0);
        (await CommandProcess.RunInAsync(directory.Path, "trace", "verify", cut)).Expect(0);
        var replay = (await CommandProcess.RunInAsync(directory.Path, "replay", cut, "--diff", "previous", "--json")).Expect(0);
        Assert.Equal((1, 1), (Number(replay.Json[^1], "events"), Number(replay.Json[^1], "same")));
        Assert.True(new FileInfo(cut).Length < new FileInfo(trace).Length);
    }

    [Fact]
    public async Task A_redacted_trace_has_the_decisions_and_not_the_memory()
    {
        using var directory = new TestDirectory();
        var trace = await Record(directory);
        var redacted = Path.Combine(directory.Path, "redacted.kvmitrace");

        (await CommandProcess.RunInAsync(directory.Path, "trace", "redact", trace, "-o", redacted)).Expect(0);
        (await CommandProcess.RunInAsync(directory.Path, "trace", "verify", redacted)).Expect(0);
        var before = (await CommandProcess.RunInAsync(directory.Path, "trace", "show", trace, "--json")).Expect(0).Json[^1];
        var after = (await CommandProcess.RunInAsync(directory.Path, "trace", "show", redacted, "--json")).Expect(0).Json[^1];
        Assert.True(Number(before, "contentBytes") > 0);
        Assert.Equal(0, Number(after, "contentBytes"));
        Assert.Equal(Number(before, "decisions"), Number(after, "decisions"));

        // A policy that reads memory cannot be replayed strictly on it.
        var replay = (await CommandProcess.RunInAsync(directory.Path, "replay", redacted, "--json")).Expect(1);
        Assert.True(Number(replay.Json[^1], "notRecorded") > 0);
    }

    [Fact]
    public async Task Recordings_are_private_and_never_overwritten()
    {
        using var directory = new TestDirectory();
        var trace = await Record(directory);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(trace));
        var again = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--record", trace)).Expect(3);
        Assert.Contains("exists already", again.Errors, StringComparison.Ordinal);
        (await CommandProcess.RunInAsync(directory.Path, "trace", "cut", trace, "--event", "1", "-o", trace)).Expect(3);
        (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--record-pages", "none")).Expect(2);
        (await CommandProcess.RunInAsync(directory.Path, "trace", "show", directory.Write("no.kvmitrace", "# kernel->tool"))).Expect(2);
        (await CommandProcess.RunInAsync(directory.Path, "trace", "show", "nowhere.kvmitrace")).Expect(3);
    }

    [Fact]
    public async Task Several_VMs_at_once_are_recorded_into_one_trace_and_told_apart()
    {
        (string Name, string Dialect, string Attack)[] guests = [("web01", "v12", "lstar-hijack"), ("web02", "v11", "smep-clear"), ("web03", "v12", "smep-clear")];
        using var directory = new TestDirectory();
        var trace = Path.Combine(directory.Path, "run.kvmitrace");
        await using var host = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--record", trace, "--json");
        await host.WaitForLineAsync("\"listening\"");
        var running = guests.Select((guest, index) => CommandProcess.RunAsync("simulate", "--connect", directory.Socket(), "--dialect", guest.Dialect, "--json", "--scenario", directory.Write(
            $"{guest.Name}.yaml",
            $$"""
            name: {{guest.Name}}
            uuid: 4b564d49-0000-4000-8000-00000000000{{index + 1}}
            steps:
              - { program: process-switches, repeat: 20 }
              - { program: {{guest.Attack}}, vcpu: 0 }
              - { program: process-switches, repeat: 20 }
            """))).ToList();
        var simulations = (await Task.WhenAll(running)).Select(result => Assert.Single(result.Expect(0).Json, line => RunCommandTests.Summary(line) == "simulation")).ToList();
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);

        (await CommandProcess.RunAsync("trace", "verify", trace)).Expect(0);
        var shown = (await CommandProcess.RunAsync("trace", "show", trace, "--events", "--json")).Expect(0).Json;
        Assert.Equal(
            guests.Select(guest => (guest.Name, guest.Dialect)).Order(),
            shown.Where(line => RunCommandTests.Type(line) == "traceVm").Select(line => (line.GetProperty("vm").GetString()!, line.GetProperty("dialect").GetString()!)).Order());
        var events = shown.Where(line => RunCommandTests.Type(line) == "traceEvent").ToLookup(line => line.GetProperty("vm").GetString());
        foreach (var (guest, simulation) in guests.Zip(simulations))
        {
            // The unhook at the end is an event that nobody decides.
            var sent = simulation.GetProperty("events").EnumerateObject().Where(kind => kind.Name != "unhook").Sum(kind => kind.Value.GetInt64());
            Assert.True(sent > 40, guest.Name);
            Assert.Equal((guest.Name, sent), (guest.Name, events[guest.Name].LongCount()));
            var stopped = guest.Attack == "lstar-hijack" ? "keep" : "set";
            Assert.Contains(events[guest.Name], line => line.GetProperty("decision").GetString() == stopped);
        }

        var replay = (await CommandProcess.RunInAsync(directory.Path, "replay", trace, "--diff", "previous", "--json")).Expect(0).Json[^1];
        Assert.Equal(events.Sum(vm => vm.LongCount()), Number(replay, "events"));
        Assert.Equal(Number(replay, "events"), Number(replay, "same") + Number(replay, "late"));
        Assert.Equal((0, 0, 0), (Number(replay, "differences"), Number(replay, "notRecorded"), Number(replay, "lost")));
    }

    private static async Task<string> Record(TestDirectory directory, params string[] more)
    {
        var trace = Path.Combine(directory.Path, "run.kvmitrace");
        var run = (await CommandProcess.RunInAsync(directory.Path, ["run", "--simulate", "--record", trace, "--json", .. more])).Expect(0);
        Assert.Contains(run.Json, line => RunCommandTests.Type(line) == "status" && line.GetProperty("status").GetString() == "recorded");
        return trace;
    }

    private static async Task<bool> Shows(TestDirectory directory, string trace, string decision) =>
        (await CommandProcess.RunInAsync(directory.Path, "trace", "show", trace, "--events", "--json")).Output.Any(line =>
            line.Contains($"\"decision\":\"{decision}\"", StringComparison.Ordinal));

    private static long Number(JsonElement line, string name) => line.GetProperty(name).GetInt64();
}
