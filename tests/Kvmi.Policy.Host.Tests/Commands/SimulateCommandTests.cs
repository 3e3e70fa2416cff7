namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class SimulateCommandTests
{
    [Fact]
    public async Task The_list_names_scenarios_programs_and_faults_with_a_line_about_each()
    {
        var result = (await CommandProcess.RunAsync("simulate", "--list", "--json")).Expect(0);
        var entries = result.Json.Select(line => (Entry: line.GetProperty("entry").GetString(), Name: line.GetProperty("name").GetString())).ToList();
        Assert.Contains(("scenario", "attacks"), entries);
        Assert.Contains(("program", "lstar-hijack"), entries);
        Assert.Contains(("fault", "close-mid-message"), entries);
        Assert.All(result.Json, line => Assert.NotEmpty(line.GetProperty("description").GetString()!));

        var text = (await CommandProcess.RunAsync("simulate", "--list")).Expect(0);
        Assert.Equal(entries.Count, text.Output.Length);
        Assert.Contains(text.Output, line => line.StartsWith("scenario faulty", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Faults_that_a_scenario_asks_for_are_counted_and_survived()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate=faulty", "--json")).Expect(0);
        var guest = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation");
        Assert.NotEqual(0, guest.GetProperty("faults").GetProperty("short-writes").GetInt64());
        RunCommandTests.AssertAllAnswered(guest);
    }

    [Fact]
    public async Task A_connection_that_a_fault_cuts_comes_again_and_the_guest_is_protected_to_its_end()
    {
        using var directory = new TestDirectory();
        var file = directory.Write("cut.yaml", """
            reconnect: 100ms
            steps:
              - {program: process-switches, repeat: 20}
              - {program: smep-clear, vcpu: 0}
              - {program: process-switches, repeat: 20}
            faults: [{kind: close-mid-message, on: replies, after: 5}]
            """);
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate=" + file, "--json")).Expect(0);
        var guest = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation");
        Assert.Equal((2, "completed"), (guest.GetProperty("connections").GetInt32(), guest.GetProperty("end").GetString()));
        Assert.Contains(
            guest.GetProperty("consequences").EnumerateArray(),
            consequence => consequence.GetProperty("name").GetString() == "smep" && consequence.GetProperty("value").GetString() == "kept");
    }

    [Fact]
    public async Task The_policies_follow_vcpus_that_are_plugged_in()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate=hot-plug", "--json")).Expect(0);
        var guest = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation");
        Assert.Equal(4, guest.GetProperty("vcpus").GetInt32());
        RunCommandTests.AssertAllAnswered(guest);
    }
}
