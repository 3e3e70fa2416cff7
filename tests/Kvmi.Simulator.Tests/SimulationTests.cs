using System.Reflection;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Simulator.Programs;
using Microsoft.Extensions.Logging;

namespace Kvmi.Simulator.Tests;

/// <summary>Whole simulations over a real Unix socket.</summary>
public sealed class SimulationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(KvmiDialect.V7, 1)]
    [InlineData(KvmiDialect.V7, 2)]
    [InlineData(KvmiDialect.V7, 4)]
    [InlineData(KvmiDialect.V11, 2)]
    [InlineData(KvmiDialect.V12, 1)]
    [InlineData(KvmiDialect.V12, 4)]
    public async Task The_default_scenario_ends_as_written(KvmiDialect dialect, int vcpus)
    {
        using var listener = new ListeningTool { Dialect = dialect };
        var run = Start(listener, options => options with { Dialect = dialect, Vcpus = vcpus });
        var (raw, hello) = listener.Greet();
        Assert.Equal("model-guest", hello.DisplayName);
        var tool = new ContinueTool(raw);
        tool.Arm(unhook: true, GuestLayout.PayloadGpa);
        tool.Serve();
        var result = await run;

        Assert.Null(result.FailureReason);
        Assert.True(result.EndedAsWritten);
        Assert.Equal(SimulationEnd.Completed, result.End);
        Assert.Equal(1, tool.Seen[EventKind.Unhook]);
        Assert.True(tool.Seen[EventKind.Cr] >= 80 * vcpus);
        Assert.Equal(vcpus + 1, tool.Seen[EventKind.Msr]);
        Assert.Equal(result.EventCount, tool.Seen.Values.Sum());
        Assert.Equal(result.EventCount - 1, result.ReplyCount);
        Assert.Contains(new Consequence("lstar", "hijacked", 0), result.Consequences);
        Assert.Contains(new Consequence("smep", "cleared", 0), result.Consequences);
        Assert.Contains(new Consequence("payload-ran", "1", 0), result.Consequences);
        Assert.True(tool.Seen[EventKind.PageFault] > 0);
        Assert.Equal(1, result.Commands["GetVersion"]);
    }

    [Fact]
    public async Task A_tool_that_keeps_old_values_protects_the_guest()
    {
        using var listener = new ListeningTool();
        var run = Start(listener);
        var (raw, _) = listener.Greet();
        var booted = new HashSet<(int, EventKind)>();
        var tool = new ContinueTool(raw)
        {
            Decide = (t, message) =>
            {
                var isLater = message.Kind == EventKind.Msr && !booted.Add((message.Vcpu, message.Kind));
                var clearsSmep = message.Kind == EventKind.Cr && message.EventData[0] == 4
                    && (BitConverter.ToUInt64(message.EventData, 8) & ~BitConverter.ToUInt64(message.EventData, 16) & (1 << 20)) != 0;
                if (!isLater && !clearsSmep)
                {
                    return false;
                }

                t.Answer(message, newValue: BitConverter.ToUInt64(message.EventData, 8));
                return true;
            },
        };
        tool.Arm();
        tool.Serve();
        var result = await run;
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Contains(new Consequence("lstar", "kept", 0), result.Consequences);
        Assert.Contains(new Consequence("smep", "kept", 0), result.Consequences);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_events()
    {
        var first = await RunAsync(5);
        var second = await RunAsync(5);
        var other = await RunAsync(6);
        Assert.Equal(first.Events.OrderBy(pair => pair.Key), second.Events.OrderBy(pair => pair.Key));
        Assert.NotEqual(first.EventCount, other.EventCount);

        static async Task<SimulationResult> RunAsync(ulong seed)
        {
            using var listener = new ListeningTool();
            var run = Start(listener, options => options with { Seed = seed });
            Serve(listener);
            return await run;
        }
    }

    [Fact]
    public async Task Without_the_unhook_event_the_connection_is_cut()
    {
        using var listener = new ListeningTool();
        var run = Start(listener);
        var (raw, _) = listener.Greet();
        var tool = new ContinueTool(raw);
        tool.Arm(unhook: false);
        tool.Serve();
        var result = await run;
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.DoesNotContain(EventKind.Unhook, tool.Seen.Keys);
    }

    [Fact]
    public async Task A_tool_that_stays_after_unhook_is_cut_off_and_reported()
    {
        using var listener = new ListeningTool();
        var run = Start(listener, options => options with { Scenario = "boot", UnhookPatience = TimeSpan.FromMilliseconds(50) });
        var (raw, _) = listener.Greet();
        var tool = new ContinueTool(raw) { ClosesOnUnhook = false };
        tool.Arm();
        tool.Serve();
        var result = await run;
        Assert.False(result.EndedAsWritten);
        Assert.Contains("UNHOOK", result.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_load_scenario_runs_until_its_limit()
    {
        using var listener = new ListeningTool();
        var run = Start(listener, options => options with { Scenario = "load", MaxEvents = 5000 });
        Serve(listener);
        var result = await run;
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Equal(SimulationEnd.Limit, result.End);
        Assert.InRange(result.ReplyCount, 5000, 5002);
    }

    [Fact]
    public async Task A_time_limit_ends_an_endless_scenario()
    {
        using var listener = new ListeningTool();
        var run = Start(listener, options => options with { Scenario = "load", MaxDuration = TimeSpan.FromMilliseconds(400) });
        Serve(listener);
        var result = await run;
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Equal(SimulationEnd.Limit, result.End);
    }

    [Fact]
    public async Task Cancelling_unhooks_in_order()
    {
        using var listener = new ListeningTool();
        using var cancel = new CancellationTokenSource();
        var run = Start(listener, options => options with { Scenario = "load" }, cancel.Token);
        var (raw, _) = listener.Greet();
        var count = 0;
        var tool = new ContinueTool(raw)
        {
            Decide = (_, _) =>
            {
                if (++count == 200)
                {
                    cancel.Cancel();
                }

                return false;
            },
        };
        tool.Arm();
        tool.Serve();
        var result = await run;
        Assert.Equal(SimulationEnd.Cancelled, result.End);
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Equal(1, tool.Seen[EventKind.Unhook]);
        Assert.Equal(result.EventCount - 1, result.ReplyCount);
    }

    [Fact]
    public async Task A_crash_is_reported()
    {
        using var listener = new ListeningTool();
        var run = Start(listener);
        var (raw, _) = listener.Greet();
        var tool = new ContinueTool(raw)
        {
            Decide = (t, message) =>
            {
                t.Answer(message, EventAction.Crash);
                return true;
            },
        };
        tool.Arm();
        tool.Serve();
        var result = await run;
        Assert.Equal(SimulationEnd.Crashed, result.End);
        Assert.False(result.EndedAsWritten);
    }

    [Fact]
    public async Task A_tool_that_leaves_early_is_reported()
    {
        using var listener = new ListeningTool();
        var run = Start(listener);
        var (raw, _) = listener.Greet();
        new ContinueTool(raw).Arm();
        raw.Next();
        raw.Dispose();
        var result = await run;
        Assert.Equal(SimulationEnd.Disconnected, result.End);
        Assert.False(result.EndedAsWritten);
    }

    [Fact]
    public async Task A_tool_that_breaks_the_rules_is_reported_with_the_rule()
    {
        using var listener = new ListeningTool();
        var run = Start(listener);
        var (raw, _) = listener.Greet();
        raw.SendRaw(0, new byte[16]);
        raw.ExpectClose();
        var result = await run;
        Assert.Equal(SimulationEnd.Disconnected, result.End);
        Assert.Contains("waits for none", result.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_reconnect_the_device_manager_comes_back_and_the_guest_goes_on()
    {
        using var listener = new ListeningTool();
        var run = Start(listener, options => options with { Scenario = "load", MaxEvents = 500, Reconnect = TimeSpan.FromMilliseconds(20) });
        var (first, _) = listener.Greet();
        new ContinueTool(first).Arm();
        first.Allow(first.Event());
        first.Dispose();
        Serve(listener);
        var result = await run;
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Equal(2, result.Connections);
    }

    [Fact]
    public async Task Pausing_every_vcpu_before_the_scenario_starts_works_as_libkvmi_does_it()
    {
        using var listener = new ListeningTool();
        var run = Start(listener, options => options with { Scenario = "boot" });
        var (raw, _) = listener.Greet();
        var d = RawTool.Dialect;
        raw.SendRaw(27, 0, 1, 0, 0, 0, 0, 0, 0);
        raw.Send((b, s) => d.Write(b, s, new PauseVcpu(0, true)));
        raw.Send((b, s) => d.Write(b, s, new PauseVcpu(1, true)));
        Assert.Equal(0, raw.Reply(raw.SendRaw(27, 1, 1, 0, 0, 0, 0, 0, 0)).Error);
        var pauses = new[] { raw.Event(EventKind.PauseVcpu), raw.Event(EventKind.PauseVcpu) };
        foreach (var pause in pauses)
        {
            Assert.Equal(0, raw.Ask((b, s) => d.Write(b, s, new ControlEvents(pause.Vcpu, 2, 1))).Error);
            Assert.Equal(0, raw.Ask((b, s) => d.Write(b, s, new ControlMsr(pause.Vcpu, 0xc0000082, 1))).Error);
        }

        Array.ForEach(pauses, raw.Allow);
        var tool = new ContinueTool(raw);
        tool.Serve();
        var result = await run;
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Equal(2, result.Events[EventKind.PauseVcpu]);
        Assert.Equal(2, tool.Seen[EventKind.Msr]);
    }

    [Fact]
    public async Task The_steps_wait_for_the_first_command_that_arms_something()
    {
        using var listener = new ListeningTool();
        using var file = new ScenarioFile("max-wait: 3600s\nvcpus: 1\nsteps: [{program: process-switches, repeat: 3}]");
        var time = new PollCountingTime();
        var run = Start(listener, options => options with { Scenario = file.Path, Settle = TimeSpan.Zero, TimeProvider = time });
        var (raw, _) = listener.Greet();
        var d = RawTool.Dialect;
        Assert.Equal(0, raw.Ask((b, s) => d.Write(b, s, new ControlVmEvents(0, 1))).Error);

        // A tool that only looks around, for many looks of the runner: nothing may start.
        for (var seen = time.Polls; time.Polls < seen + 5;)
        {
            Assert.Equal(0, raw.Ask((b, s) => d.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        }

        Assert.Empty(raw.TakePutAside());
        new ContinueTool(raw).Arm();
        var tool = new ContinueTool(raw);
        tool.Serve();
        var result = await run;
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.True(tool.Seen[EventKind.Cr] >= 3);
        Assert.Equal(1, tool.Seen[EventKind.Msr]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_scenario_that_nobody_saw_is_warned_of(bool watches)
    {
        using var listener = new ListeningTool();
        using var file = new ScenarioFile($"max-wait: {(watches ? "3600s" : "0ms")}\nsteps: [{{program: process-switches}}]");
        using var log = new LogLines();
        var run = Start(listener, options => options with { Scenario = file.Path, LoggerFactory = log });
        var (raw, _) = listener.Greet();
        if (watches)
        {
            var tool = new ContinueTool(raw);
            tool.Arm();
            tool.Serve();
        }
        else
        {
            raw.ExpectClose();
        }

        var result = await run;
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Equal(watches ? 0 : 1, log.Warnings.Count(line => line.Contains("caused no event", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_tool_of_another_dialect_is_named_in_the_log()
    {
        using var listener = new ListeningTool { Dialect = KvmiDialect.V12 };
        using var log = new LogLines();
        var run = Start(listener, options => options with { Dialect = KvmiDialect.V12, Scenario = "load", LoggerFactory = log });
        var (raw, _) = listener.Greet();
        Assert.Equal(-22, raw.Ask((buffer, sequence) => Dialect.Find(KvmiDialect.V7)!.WriteEmpty(buffer, sequence, CommandKind.GetVmInfo)).Error);
        raw.Dispose();
        await run;
        Assert.Single(log.Warnings, line => line.Contains("message id 5 with 0 bytes: that is v7, but this VM speaks v12", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_log_message_has_an_event_id_of_its_own()
    {
        var ids = typeof(Simulation).Assembly.GetType("Kvmi.Simulator.LogMessages", throwOnError: true)!.GetMethods()
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()?.EventId).OfType<int>().ToList();
        Assert.NotEmpty(ids);
        Assert.Equal(ids.Distinct().Count(), ids.Count);
    }

    [Fact]
    public async Task A_tool_that_disarms_and_closes_has_ended_an_endless_scenario()
    {
        using var listener = new ListeningTool();
        var run = Start(listener, options => options with { Scenario = "load" });
        var (raw, _) = listener.Greet();
        Disarm(raw);
        raw.Dispose();
        var result = await run;
        Assert.Equal((SimulationEnd.ClosedByTool, null), (result.End, result.FailureReason));
        Assert.True(result.EndedAsWritten);
    }

    [Fact]
    public async Task A_tool_that_closes_inside_a_message_is_a_failure_of_an_endless_scenario_too()
    {
        using var listener = new ListeningTool();
        var run = Start(listener, options => options with { Scenario = "load" });
        var (raw, _) = listener.Greet();
        Disarm(raw);
        raw.SendBytes([2, 0, 0, 0]);
        raw.Dispose();
        var result = await run;
        Assert.Equal(SimulationEnd.Disconnected, result.End);
        Assert.False(result.EndedAsWritten);
        Assert.Contains("in the middle of a message", result.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tool_that_leaves_an_event_unanswered_is_a_failure_of_an_endless_scenario_too()
    {
        using var listener = new ListeningTool();
        var run = Start(listener, options => options with { Scenario = "load", Vcpus = 1 });
        var (raw, _) = listener.Greet();
        new ContinueTool(raw).Arm();
        raw.Event();
        raw.Dispose();
        var result = await run;
        Assert.Equal(SimulationEnd.Disconnected, result.End);
        Assert.False(result.EndedAsWritten);
        Assert.Contains("1 event waited for an answer", result.FailureReason, StringComparison.Ordinal);
    }

    /// <summary>Watches a few events, then switches everything off as a tool does before it leaves.</summary>
    private static void Disarm(RawTool raw)
    {
        new ContinueTool(raw).Arm();
        for (var i = 0; i < 50; i++)
        {
            raw.Allow(raw.Event());
        }

        for (ushort vcpu = 0; vcpu < 2; vcpu++)
        {
            foreach (var id in new ushort[] { 1, 2 })
            {
                Assert.Equal(0, raw.Ask((b, s) => RawTool.Dialect.Write(b, s, new ControlEvents(vcpu, id, 0))).Error);
            }
        }

        foreach (var late in raw.TakePutAside())
        {
            raw.Allow(late);
        }
    }

    private static void Serve(ListeningTool listener)
    {
        var (raw, _) = listener.Greet();
        var tool = new ContinueTool(raw);
        tool.Arm();
        tool.Serve();
    }

    private static Task<SimulationResult> Start(
        ListeningTool listener, Func<SimulatorOptions, SimulatorOptions>? change = null, CancellationToken cancellationToken = default)
    {
        var options = new SimulatorOptions { Endpoint = listener.Endpoint, Settle = TimeSpan.FromMilliseconds(50) };
        return Simulation.RunAsync(change?.Invoke(options) ?? options, cancellationToken).WaitAsync(Patience, CancellationToken.None);
    }
}
