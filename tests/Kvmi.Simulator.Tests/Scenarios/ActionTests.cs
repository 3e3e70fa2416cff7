using Kvmi.Protocol;
using Kvmi.Simulator.DeviceManager;
using Kvmi.Simulator.Scenarios;

namespace Kvmi.Simulator.Tests.Scenarios;

/// <summary>Steps of a scenario that do something to the VM.</summary>
public sealed class ActionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Actions_come_between_the_steps_and_the_guest_waits_for_the_tool_after_each()
    {
        using var listener = new ListeningTool();
        using var file = new ScenarioFile("""
            vcpus: 2
            max-wait: 3600s
            steps:
              - {program: process-switches, repeat: 5}
              - action: migrate
              - {program: process-switches, repeat: 6}
              - action: stop
              - action: cont
              - {program: process-switches, repeat: 7}
              - action: reset
              - {program: process-switches, repeat: 8}
              - action: shutdown
            """);
        var options = new SimulatorOptions { Endpoint = listener.Endpoint, Scenario = file.Path, Settle = TimeSpan.FromMilliseconds(20) };
        var run = Simulation.RunAsync(options, CancellationToken.None).WaitAsync(Patience);
        var seen = new List<(int Cr3, int Unhook)>();
        for (var connection = 0; connection < 4; connection++)
        {
            var (raw, _) = listener.Greet();
            var tool = new ContinueTool(raw);
            tool.Arm();
            tool.Serve();
            seen.Add((tool.Seen.GetValueOrDefault(EventKind.Cr), tool.Seen.GetValueOrDefault(EventKind.Unhook)));
        }

        var result = await run;
        Assert.Equal((SimulationEnd.ShutDown, null), (result.End, result.FailureReason));
        Assert.Equal(4, result.Connections);

        // A switch writes CR3 once, boot a few times; reset and shutdown cut off without asking.
        Assert.Equal([1, 1, 0, 0], seen.Select(one => one.Unhook));
        Assert.InRange(seen[0].Cr3, 10, 22);
        Assert.Equal([12, 14, 16], seen.Skip(1).Select(one => one.Cr3));
    }

    [Fact]
    public void Actions_are_read_in_their_places()
    {
        var scenario = Parse("steps: [{program: boot}, {action: stop}, {action: cont}, {program: boot}, {action: snapshot}]");
        Assert.Equal(
            [null, VmAction.Stop, VmAction.Continue, null, VmAction.Snapshot], scenario.Steps.Select(step => step.Action));
        Assert.False(scenario.IsEndless);
    }

    [Theory]
    [InlineData("steps: [{action: stopp}]", "1:18", "did you mean 'stop'")]
    [InlineData("steps: [{action: stop, vcpu: 0}]", "1:30", "'vcpu' does not go with 'action'")]
    [InlineData("steps: [{action: [stop]}]", "1:18", "there is no action")]
    [InlineData("steps: [{action: stop}, {program: boot}]", "1:25", "put 'action: cont'")]
    [InlineData("steps: [{action: stop}]", "1:9", "would end with a guest that is stopped")]
    [InlineData("steps: [{action: shutdown}, {program: boot}]", "1:29", "nothing can follow")]
    [InlineData("steps: [{program: boot, repeat: endless}, {action: reset}]", "1:43", "never reached")]
    [InlineData("steps: [{vcpu: 0}]", "1:9", "'program' is missing (or 'action')")]
    public void What_can_never_happen_is_refused_with_its_place(string yaml, string place, string reason)
    {
        var error = Assert.Throws<SimulatorException>(() => Parse(yaml));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains($"test.yaml:{place}:", error.Message, StringComparison.Ordinal);
    }

    private static Scenario Parse(string yaml) => ScenarioLoader.Parse("test.yaml", yaml, ModelGuest.ProgramNames);
}
