using Kvmi.Simulator.Scenarios;

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
        Assert.Contains("boot, default, load", error.Message, StringComparison.Ordinal);
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
