using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Tests;

/// <summary>A guest that grows while a tool watches it, over a real Unix socket.</summary>
public sealed class HotPlugSimulationTests
{
    [Fact]
    public async Task A_vcpu_that_the_guest_starts_is_announced_and_seen()
    {
        using var listener = new ListeningTool();
        using var file = new ScenarioFile("vcpus: 1\nsettle: 50ms\nsteps: [{program: hot-plug, repeat: 2}, {program: process-switches, repeat: 3}]");
        var run = Simulation.RunAsync(
            new SimulatorOptions { Endpoint = listener.Endpoint, Scenario = file.Path }, TestContext.Current.CancellationToken);
        var (raw, _) = listener.Greet();
        var announced = new HashSet<int>();
        var switched = new HashSet<int>();
        var tool = new ContinueTool(raw)
        {
            Decide = (t, message) =>
            {
                if (message.Kind == EventKind.Cr) switched.Add(message.Vcpu);
                if (message.Kind != EventKind.CreateVcpu) return false;
                if (announced.Add(message.Vcpu))
                {
                    Assert.True(RawTool.Dialect.TryGetEventId(EventKind.Cr, out var id));
                    Assert.Equal(0, t.Ask((d, s) => RawTool.Dialect.Write(d, s, new ControlEvents((ushort)message.Vcpu, id, 1))).Error);
                    Assert.Equal(0, t.Ask((d, s) => RawTool.Dialect.Write(d, s, new ControlCr((ushort)message.Vcpu, 3, 1))).Error);
                }

                return false;
            },
        };
        Assert.True(RawTool.Dialect.TryGetEventId(EventKind.CreateVcpu, out var create));
        Assert.Equal(0, raw.Ask((d, s) => RawTool.Dialect.Write(d, s, new ControlVmEvents(create, 1))).Error);
        raw.Answer(raw.Event(EventKind.CreateVcpu));
        tool.Arm(unhook: true);
        tool.Serve();
        var result = await run.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.Null(result.FailureReason);
        Assert.Equal(3, result.Vcpus);
        Assert.Equal(new HashSet<int> { 1, 2 }, announced);
        Assert.Equal(new HashSet<int> { 0, 1, 2 }, switched);
        Assert.Contains(new Consequence("switches", "12", 1), result.Consequences);
    }
}
