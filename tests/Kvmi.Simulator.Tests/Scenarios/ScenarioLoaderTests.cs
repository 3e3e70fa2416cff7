using Kvmi.Simulator.Scenarios;
using Kvmi.Simulator.Transport.Faults;

namespace Kvmi.Simulator.Tests.Scenarios;

public sealed class ScenarioLoaderTests
{
    private static readonly string[] Programs = ["boot", "process-switches", "lstar-hijack"];

    [Fact]
    public void Reads_everything()
    {
        var scenario = Parse("""
            scenario: mine
            vcpus: 3
            seed: 9
            hello: e820
            name: web-1
            uuid: 00112233-4455-6677-8899-aabbccddeeff
            settle: 20ms
            max-wait: 2s
            pace: 500
            steps:
              - program: process-switches
                repeat: 7
              - {program: lstar-hijack, vcpu: 2}
              - {program: process-switches, vcpu: all, repeat: endless}
            """);
        Assert.Equal("mine", scenario.Title);
        Assert.Equal((3, 9ul, HelloForm.E820, "web-1"), (scenario.Vcpus, scenario.Seed, scenario.Hello, scenario.Name));
        Assert.Equal((TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(2), 500), (scenario.Settle, scenario.MaxWait, scenario.Pace!.Value));
        Assert.Equal(
            [new ScenarioStep("process-switches", null, 7), new("lstar-hijack", 2, 1), new("process-switches", null, 0)], scenario.Steps);
    }

    [Fact]
    public void Reads_faults_and_fills_in_what_their_kind_says()
    {
        var scenario = Parse("""
            reconnect: 3s
            steps: [{program: boot}]
            faults:
              - {kind: slow-kernel}
              - {kind: wrong-seq}
              - {kind: short-writes, on: events, after: 4, every: 2, probability: 0.5, times: 9, delay: 1ms, bytes: 3}
            """);
        Assert.Equal(TimeSpan.FromSeconds(3), scenario.Reconnect);
        Assert.Equal(
            [
                new FaultRule { Kind = FaultKind.SlowKernel, On = FaultScope.Any, Times = 0, Delay = TimeSpan.FromMilliseconds(20) },
                new FaultRule { Kind = FaultKind.WrongSequence, On = FaultScope.Any, Times = 1 },
                new FaultRule
                {
                    Kind = FaultKind.ShortWrites, On = FaultScope.Events, After = 4, Every = 2, Probability = 0.5, Times = 9,
                    Delay = TimeSpan.FromMilliseconds(1), Bytes = 3,
                },
            ],
            scenario.Faults);
    }

    [Fact]
    public void The_catalogue_has_every_scenario_program_and_fault_with_a_line_about_it()
    {
        Assert.Equal(Simulation.BuiltInScenarios, Simulation.ScenarioCatalogue.Select(entry => entry.Name));
        Assert.Equal(Enum.GetValues<FaultKind>().Order(), FaultCatalogue.All.Select(fault => fault.Kind).Order());
        Assert.All(
            [.. Simulation.ScenarioCatalogue, .. Simulation.FaultCatalogue, .. Kvmi.Simulator.Programs.GuestPrograms.All],
            entry => Assert.False(string.IsNullOrWhiteSpace(entry.Description) || entry.Description.EndsWith('.') || entry.Description.Contains('\n')));
    }

    [Fact]
    public void Only_steps_are_needed()
    {
        var scenario = Parse("steps: [{program: boot}]");
        Assert.Equal(("test", 2), (scenario.Title, scenario.Vcpus));
    }

    [Theory]
    [InlineData("", "test.yaml:1:1")]
    [InlineData("steps: []", "1 to 1000 steps")]
    [InlineData("vcpus: 2", "'steps' is missing")]
    [InlineData("[1]", "mapping")]
    [InlineData("stpes: []", "did you mean")]
    [InlineData("steps: [{program: boot}]\nvcpus: 99", "test.yaml:2:8")]
    [InlineData("steps: [{program: boot}]\nvcpus: [1]", "whole number")]
    [InlineData("steps: [{program: process-switch}]", "did you mean 'process-switches'")]
    [InlineData("steps: [{vcpu: 1}]", "'program' is missing")]
    [InlineData("steps: [{program: boot, vcpu: 2}]", "from 0 to 1")]
    [InlineData("steps: [{program: boot, repeat: 0}]", "whole number from 1")]
    [InlineData("steps: [{program: boot}]\nsettle: 5", "150ms or 2s")]
    [InlineData("steps: [{program: boot}]\nsettle: 99999999s", "at most")]
    [InlineData("steps: [{program: boot}]\nhello: long", "'hello' must be")]
    [InlineData("steps: [{program: boot}]\nuuid: 7", "'uuid' must be")]
    [InlineData("steps: [{program: boot}]\nname: ''", "1 to 63")]
    [InlineData("steps: [{program: boot", "flow mapping")]
    [InlineData("steps: [{program: boot}]\nfaults: []", "test.yaml:2:9: 'faults' must be a list of 1 to 100")]
    [InlineData("steps: [{program: boot}]\nfaults: [{on: any}]", "'kind' is missing; kinds: slow-kernel")]
    [InlineData("steps: [{program: boot}]\nfaults: [{kind: slow-kernal}]", "test.yaml:2:17: there is no fault 'slow-kernal' (did you mean 'slow-kernel'?)")]
    [InlineData("steps: [{program: boot}]\nfaults: [{kind: wrong-seq, bytes: 3}]", "test.yaml:2:35: 'bytes' has no meaning for wrong-seq")]
    [InlineData("steps: [{program: boot}]\nfaults: [{kind: short-reply, on: events}]", "'on' has no meaning for short-reply")]
    [InlineData("steps: [{program: boot}]\nfaults: [{kind: garbage, on: pauses}]", "events, replies or any")]
    [InlineData("steps: [{program: boot}]\nfaults: [{kind: garbage, probability: 1.5}]", "above 0 and at most 1")]
    [InlineData("steps: [{program: boot}]\nfaults: [{kind: garbage, probability: 0}]", "above 0 and at most 1")]
    [InlineData("steps: [{program: boot}]\nfaults: [{kind: garbage, times: 0}]", "'times' must be a whole number from 1")]
    [InlineData("steps: [{program: boot}]\nfaults: [{kind: garbage, after: -1}]", "'after' must be a whole number from 0")]
    [InlineData("steps: [{program: boot}]\nfaults: [{kind: garbage, when: 3}]", "unknown key 'when' in a fault")]
    [InlineData("steps: [{program: boot}]\nreconnect: now", "'reconnect' must be a time")]
    [InlineData("a: 1\n---\nb: 2", "one YAML document")]
    public void Errors_say_where_and_what(string yaml, string expected)
    {
        var error = Assert.Throws<SimulatorException>(() => Parse(yaml));
        Assert.StartsWith("test.yaml:", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_too_large_is_refused()
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, new string('#', ScenarioLoader.MaxFileBytes + 1));
        Assert.Contains("at most", Assert.Throws<SimulatorException>(() => ScenarioLoader.Load(path, Programs)).Message, StringComparison.Ordinal);
        File.Delete(path);
    }

    [Fact]
    public async Task An_unknown_scenario_names_those_that_exist()
    {
        var error = await Assert.ThrowsAsync<SimulatorException>(() => Simulation.RunAsync(
            new SimulatorOptions { Endpoint = "unix:/x", Scenario = "nope" }, TestContext.Current.CancellationToken));
        Assert.Contains("attacks, boot, default, faulty, hot-plug, load", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_built_in_program_can_be_a_step()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.yaml");
        var steps = Kvmi.Simulator.Programs.GuestPrograms.Names.Select(name => $"- {{program: {name}, repeat: 2}}");
        await File.WriteAllTextAsync(path, "steps:\n" + string.Join('\n', steps), TestContext.Current.CancellationToken);
        using var listener = new ListeningTool();
        var run = Simulation.RunAsync(
            new SimulatorOptions { Endpoint = listener.Endpoint, Scenario = path, Settle = TimeSpan.FromMilliseconds(50) }, TestContext.Current.CancellationToken);
        var tool = new ContinueTool(listener.Greet().Tool);
        tool.Arm();
        tool.Serve();
        var result = await run;
        File.Delete(path);
        Assert.True(result.EndedAsWritten, result.FailureReason);
        Assert.Contains(result.Consequences, consequence => consequence.Name == "hijacked-gate-ran");
    }

    [Fact]
    public async Task A_paced_scenario_spreads_its_events()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.yaml");
        await File.WriteAllTextAsync(path, "pace: 200\nsteps: [{program: process-switches, repeat: 20}]", TestContext.Current.CancellationToken);
        using var listener = new ListeningTool();
        var run = Simulation.RunAsync(
            new SimulatorOptions { Endpoint = listener.Endpoint, Scenario = path, Settle = TimeSpan.FromMilliseconds(50) }, TestContext.Current.CancellationToken);
        var tool = new ContinueTool(listener.Greet().Tool);
        tool.Arm();
        tool.Serve();
        var result = await run;
        File.Delete(path);
        Assert.True(result.EndedAsWritten, result.FailureReason);

        // About 50 events at 200 a second: never faster than the pace, whatever the machine.
        Assert.True(result.Duration.TotalSeconds >= (result.ReplyCount - 4) / 200.0, $"{result.ReplyCount} replies in {result.Duration}");
    }

    private static Scenario Parse(string yaml) => ScenarioLoader.Parse("test.yaml", yaml, Programs);
}
