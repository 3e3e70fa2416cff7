using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Tests.Scenarios;

/// <summary>Faults in whole simulations over a real socket, seen by a plain tool.</summary>
public sealed class FaultScenarioTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("faulty")]
    [InlineData("attacks")]
    public async Task A_built_in_scenario_ends_as_written(string scenario)
    {
        using var listener = new ListeningTool();
        var run = Start(listener, scenario);
        var tool = new ContinueTool(listener.Greet().Tool);
        tool.Arm();
        tool.Serve();
        var result = await run;
        Assert.Null(result.FailureReason);
        Assert.Equal(SimulationEnd.Completed, result.End);
        Assert.Equal(result.EventCount - 1, result.ReplyCount);
        Assert.Equal(scenario == "faulty", result.Faults.ContainsKey("short-writes"));
    }

    [Fact]
    public async Task Every_attack_leaves_its_trace_in_a_guest_that_nobody_protects()
    {
        using var listener = new ListeningTool();
        var run = Start(listener, "attacks");
        var tool = new ContinueTool(listener.Greet().Tool);
        tool.Arm();
        tool.Serve();
        var names = (await run).Consequences.Where(consequence => consequence.Vcpu == 0).ToDictionary(consequence => consequence.Name, consequence => consequence.Value);
        Assert.Equal("hijacked", names["lstar"]);
        Assert.Equal(("cleared", "cleared", "cleared", "cleared"), (names["smep"], names["smap"], names["umip"], names["wp"]));
        Assert.Contains("payload-ran", names.Keys);
        Assert.Contains("hijacked-gate-ran", names.Keys);
        Assert.Equal(("patched", "moved", "hijacked", "weakened"), (names["syscall-entry"], names["idt"], names["sysenter"], names["sfmask"]));
        Assert.Equal(("moved", "on", "cleared"), (names["apic-base"], names["vmx"], names["sce"]));
    }

    [Fact]
    public async Task A_close_inside_a_message_is_the_end_that_the_scenario_asked_for()
    {
        using var file = Scenario("- {kind: close-mid-message, on: replies, after: 1, bytes: 11}");
        using var listener = new ListeningTool();
        var run = Start(listener, file.Path);
        using var tool = listener.Greet().Tool;
        Assert.Equal(0, tool.Ask((b, s) => RawTool.Dialect.WriteEmpty(b, s, CommandKind.GetVersion)).Error);
        tool.Send((b, s) => RawTool.Dialect.WriteEmpty(b, s, CommandKind.GetVmInfo));
        Assert.Equal(11, ReadToEnd(tool.Socket));
        var result = await run;
        Assert.Equal((SimulationEnd.BrokenByFault, true), (result.End, result.EndedAsWritten));
        Assert.Equal(1, result.Faults["close-mid-message"]);
    }

    [Fact]
    public async Task The_device_manager_connects_again_behind_a_fault()
    {
        using var file = Scenario("- {kind: close-mid-message, on: replies}", "reconnect: 20ms");
        using var listener = new ListeningTool();
        var run = Start(listener, file.Path);
        using (var first = listener.Greet().Tool)
        {
            first.Send((b, s) => RawTool.Dialect.WriteEmpty(b, s, CommandKind.GetVersion));
            first.ExpectClose();
        }

        var tool = new ContinueTool(listener.Greet().Tool);
        tool.Arm();
        tool.Serve();
        var result = await run;
        Assert.Equal((SimulationEnd.Completed, 2), (result.End, result.Connections));
    }

    [Fact]
    public async Task A_tool_that_answers_the_wrong_number_is_cut_off_and_the_fault_is_named()
    {
        using var file = Scenario("- {kind: wrong-seq, on: events}");
        using var listener = new ListeningTool();
        var run = Start(listener, file.Path);
        using var tool = listener.Greet().Tool;
        Assert.Equal(0, tool.Ask((b, s) => RawTool.Dialect.Write(b, s, new PauseVcpu(0, true))).Error);
        tool.Answer(tool.Event(EventKind.PauseVcpu));
        tool.ExpectClose();
        Assert.Equal(SimulationEnd.BrokenByFault, (await run).End);
    }

    [Fact]
    public async Task A_close_during_a_pause_comes_behind_the_event()
    {
        using var file = Scenario("- {kind: close-during-pause}");
        using var listener = new ListeningTool();
        var run = Start(listener, file.Path);
        using var tool = listener.Greet().Tool;
        Assert.Equal(0, tool.Ask((b, s) => RawTool.Dialect.Write(b, s, new PauseVcpu(1, true))).Error);
        tool.Event(EventKind.PauseVcpu);
        tool.ExpectClose();
        Assert.Equal(SimulationEnd.BrokenByFault, (await run).End);
    }

    [Fact]
    public async Task The_hello_stops_in_its_middle()
    {
        using var file = Scenario("- {kind: slow-handshake, delay: 150ms}");
        using var listener = new ListeningTool();
        var run = Start(listener, file.Path);
        var clock = TimeProvider.System;
        using var socket = listener.Accept();
        var half = new byte[96];
        Assert.Equal(48, socket.Receive(half));
        var since = clock.GetTimestamp();
        Assert.Equal(48, socket.Receive(half));
        Assert.True(clock.GetElapsedTime(since) >= TimeSpan.FromMilliseconds(100));
        socket.Send((byte[])[24, .. new byte[23]]);
        using var raw = new RawTool(socket);
        var tool = new ContinueTool(raw);
        tool.Arm();
        tool.Serve();
        Assert.Equal(SimulationEnd.Completed, (await run).End);
    }

    [Fact]
    public async Task A_tool_that_does_not_wait_for_a_slow_hello_is_no_failure()
    {
        using var file = Scenario("- {kind: slow-handshake, delay: 150ms}");
        using var listener = new ListeningTool();
        var run = Start(listener, file.Path);
        listener.Accept().Dispose();
        var result = await run;
        Assert.Equal((SimulationEnd.BrokenByFault, true, 0), (result.End, result.EndedAsWritten, result.Connections));
    }

    [Fact]
    public async Task A_fault_is_logged()
    {
        using var file = Scenario("- {kind: close-mid-message, on: replies}");
        using var listener = new ListeningTool();
        using var log = new LogLines();
        var run = Start(listener, file.Path, options => options with { LoggerFactory = log });
        using var tool = listener.Greet().Tool;
        tool.Send((b, s) => RawTool.Dialect.WriteEmpty(b, s, CommandKind.GetVersion));
        tool.ExpectClose();
        await run;
        Assert.Contains(log.Warnings, line => line.Contains("close-mid-message", StringComparison.Ordinal));
    }

    private static ScenarioFile Scenario(string fault, string more = "") =>
        new($"settle: 50ms\n{more}\nsteps: [{{program: process-switches, repeat: 5}}]\nfaults:\n  {fault}\n");

    private static int ReadToEnd(Socket socket)
    {
        var buffer = new byte[1000];
        var total = 0;
        while (socket.Receive(buffer) is var count and > 0)
        {
            total += count;
        }

        return total;
    }

    private static Task<SimulationResult> Start(ListeningTool listener, string scenario, Func<SimulatorOptions, SimulatorOptions>? change = null)
    {
        var options = new SimulatorOptions { Endpoint = listener.Endpoint, Scenario = scenario, Settle = TimeSpan.FromMilliseconds(50) };
        return Simulation.RunAsync(change?.Invoke(options) ?? options, CancellationToken.None).WaitAsync(Patience, CancellationToken.None);
    }
}
