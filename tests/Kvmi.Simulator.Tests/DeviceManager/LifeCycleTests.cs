using Kvmi.Protocol;
using Kvmi.Protocol.Handshake;

namespace Kvmi.Simulator.Tests.DeviceManager;

/// <summary>What an administrator does to a VM, as the tool sees it (kvmi-later-dialects.md 2.4), over a real Unix socket.</summary>
public sealed class LifeCycleTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(KvmiDialect.V7)]
    [InlineData(KvmiDialect.V11)]
    [InlineData(KvmiDialect.V12)]
    public async Task Stop_waits_for_the_tool_to_close_and_cont_brings_a_new_hello_with_nothing_switched_on(KvmiDialect dialect)
    {
        using var listener = new ListeningTool { Dialect = dialect };
        var control = Start(listener, options => options with { Dialect = dialect });
        var (first, hello) = Watch(listener);
        var stopping = control.StopAsync();
        AnswerUntilUnhook(first);

        // The UNHOOK event ends nothing by itself.
        Assert.Equal(0, first.Ask((b, s) => first.Codec.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        Assert.False(stopping.IsCompleted);
        AnswerAll(first);
        first.Dispose();
        Assert.Equal(UnhookOutcome.ToolClosed, await stopping.WaitAsync(Patience));
        Assert.False(listener.HasCaller);

        await control.ContinueAsync().WaitAsync(Patience);
        var (second, again) = Watch(listener);
        Assert.Equal(hello.Uuid, again.Uuid);
        Assert.Equal(hello.StartTime, again.StartTime);
        var next = second.Event();
        Assert.InRange(next.Header.Sequence, 1u, 3u);
        second.Allow(next);
        await EndAsync(control, second, connections: 2);
    }

    [Fact]
    public async Task A_tool_without_the_unhook_event_is_cut_off_at_once()
    {
        using var listener = new ListeningTool();
        var control = Start(listener);
        var (tool, _) = Watch(listener, unhook: false);
        Assert.Equal(UnhookOutcome.CutOff, await control.StopAsync().WaitAsync(Patience));
        tool.ExpectClose();
        Assert.False(listener.HasCaller);
        await control.ShutDownAsync().WaitAsync(Patience);
        Assert.Equal(SimulationEnd.ShutDown, (await control.Completion.WaitAsync(Patience)).End);
    }

    [Fact]
    public async Task A_tool_that_does_not_close_in_time_is_cut_off()
    {
        using var listener = new ListeningTool();
        var control = Start(listener, options => options with { UnhookPatience = TimeSpan.FromMilliseconds(50) });
        var (tool, _) = Watch(listener);
        Assert.Equal(UnhookOutcome.TimedOut, await control.StopAsync().WaitAsync(Patience));
        tool.ExpectClose();
        await control.ShutDownAsync().WaitAsync(Patience);
        Assert.True((await control.Completion.WaitAsync(Patience)).EndedAsWritten);
    }

    [Fact]
    public async Task A_vcpu_that_waits_in_an_event_does_not_keep_the_vm_from_stopping()
    {
        using var listener = new ListeningTool();
        var control = Start(listener);
        var (tool, _) = Watch(listener);
        var unanswered = tool.Event();
        var stopping = control.StopAsync();
        while (tool.Event() is { Kind: not EventKind.Unhook } late)
        {
            Assert.NotEqual(unanswered.Vcpu, late.Vcpu);
        }

        tool.Dispose();
        Assert.Equal(UnhookOutcome.ToolClosed, await stopping.WaitAsync(Patience));
        await control.ShutDownAsync().WaitAsync(Patience);
        Assert.Equal(SimulationEnd.ShutDown, (await control.Completion.WaitAsync(Patience)).End);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Migration_and_snapshot_ask_the_tool_to_leave_and_come_back_by_themselves(bool migrates)
    {
        using var listener = new ListeningTool();
        var control = Start(listener);
        var (first, hello) = Watch(listener);
        var moving = migrates ? control.MigrateAsync() : control.SnapshotAsync();

        // The guest runs on while the tool undoes its changes.
        AnswerUntilUnhook(first);
        first.Allow(first.Event());
        first.Allow(first.Event());
        first.Dispose();
        Assert.Equal(UnhookOutcome.ToolClosed, await moving.WaitAsync(Patience));
        var (second, again) = Watch(listener);
        Assert.Equal(hello.Uuid, again.Uuid);
        Assert.Equal(hello.StartTime, again.StartTime);
        await EndAsync(control, second, connections: 2);
    }

    [Fact]
    public async Task Reset_cuts_off_without_asking_and_gives_a_new_start_time()
    {
        using var listener = new ListeningTool();
        var time = new ShiftedTime();
        var control = Start(listener, options => options with { TimeProvider = time });
        var (first, hello) = Watch(listener);
        time.Shift = TimeSpan.FromSeconds(100);
        await control.ResetAsync().WaitAsync(Patience);
        while (first.NextEventFirst() is { } message)
        {
            Assert.NotEqual(EventKind.Unhook, message.Kind);
        }

        var (second, again) = Watch(listener);
        Assert.InRange(again.StartTime - hello.StartTime, 100, 160);
        await EndAsync(control, second, connections: 2);
    }

    [Fact]
    public async Task Actions_are_done_in_order_and_those_after_the_end_are_not()
    {
        using var listener = new ListeningTool();
        var control = Start(listener);
        var (tool, _) = Watch(listener, unhook: false);
        var stop = control.StopAsync();
        var migrate = control.MigrateAsync();
        var shutDown = control.ShutDownAsync();
        var late = control.SnapshotAsync();
        Assert.Equal(UnhookOutcome.CutOff, await stop.WaitAsync(Patience));
        Assert.Equal(UnhookOutcome.NotHooked, await migrate.WaitAsync(Patience));
        await shutDown.WaitAsync(Patience);
        Assert.Equal(UnhookOutcome.NotDone, await late.WaitAsync(Patience));
        Assert.Equal(UnhookOutcome.NotDone, await control.StopAsync().WaitAsync(Patience));
        var result = await control.Completion.WaitAsync(Patience);
        Assert.Equal((SimulationEnd.ShutDown, 1), (result.End, result.Connections));
        Assert.True(result.EndedAsWritten, result.FailureReason);
        tool.Dispose();
    }

    [Fact]
    public async Task A_stop_ends_the_attempts_to_connect()
    {
        using var listener = new ListeningTool();
        var control = Start(listener, options => options with { HandshakeTimeout = TimeSpan.FromHours(1) });
        using (var silent = listener.Accept())
        {
            ListeningTool.ReadHello(silent);
            Assert.Equal(UnhookOutcome.NotHooked, await control.StopAsync().WaitAsync(Patience));
        }

        Assert.False(listener.HasCaller);
        await control.ContinueAsync().WaitAsync(Patience);
        var (tool, _) = Watch(listener);
        await EndAsync(control, tool, connections: 1);
    }

    [Fact]
    public async Task The_guest_stands_still_while_the_vm_is_stopped()
    {
        using var listener = new ListeningTool();
        using var file = new ScenarioFile("max-wait: 3600s\nvcpus: 1\nsteps: [{program: process-switches, repeat: 40}]");
        var control = Start(listener, options => options with { Scenario = file.Path });
        var (first, _) = Watch(listener);
        for (var seen = 0; seen < 10; seen++)
        {
            first.Allow(first.Event());
        }

        // Answered only when the stop is under way, so that the guest is somewhere in its steps.
        var waiting = first.Event();
        var stopping = control.StopAsync();
        first.Event(EventKind.Unhook);
        first.Allow(waiting);
        first.Dispose();
        Assert.Equal(UnhookOutcome.ToolClosed, await stopping.WaitAsync(Patience));

        // Had the guest run on, nothing would be left for the second connection.
        await control.ContinueAsync().WaitAsync(Patience);
        var (raw, _) = listener.Greet();
        var tool = new ContinueTool(raw);
        tool.Arm();
        tool.Serve();
        var result = await control.Completion.WaitAsync(Patience);
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Equal(SimulationEnd.Completed, result.End);
        Assert.InRange(tool.Seen.GetValueOrDefault(EventKind.Cr), 20, 80);
    }

    private static SimulationControl Start(ListeningTool listener, Func<SimulatorOptions, SimulatorOptions>? change = null)
    {
        var options = new SimulatorOptions { Endpoint = listener.Endpoint, Scenario = "load", Settle = TimeSpan.FromMilliseconds(20) };
        return Simulation.Start(change?.Invoke(options) ?? options, CancellationToken.None);
    }

    private static (RawTool Tool, HelloRecord Hello) Watch(ListeningTool listener, bool unhook = true)
    {
        var (raw, hello) = listener.Greet();
        new ContinueTool(raw).Arm(unhook);
        return (raw, hello);
    }

    private static void AnswerUntilUnhook(RawTool tool)
    {
        while (tool.Event() is { Kind: not EventKind.Unhook } message)
        {
            tool.Allow(message);
        }
    }

    private static void AnswerAll(RawTool tool)
    {
        foreach (var message in tool.TakePutAside())
        {
            tool.Allow(message);
        }
    }

    private static async Task EndAsync(SimulationControl control, RawTool tool, int connections)
    {
        await control.ShutDownAsync().WaitAsync(Patience);
        var result = await control.Completion.WaitAsync(Patience);
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Equal(connections, result.Connections);
        tool.Dispose();
    }
}
