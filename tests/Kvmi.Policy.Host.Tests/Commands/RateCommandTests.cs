using static Kvmi.Policy.Host.Tests.Commands.RunCommandTests;

namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class RateCommandTests
{
    [Theory]
    [InlineData("drop-alert", 0)]
    [InlineData("sample", 0)]
    [InlineData("disarm", 1)]
    public async Task A_policy_above_its_rate_loses_what_its_file_says_and_the_guest_nothing(string onExceed, int disarmed)
    {
        using var directory = new TestDirectory();
        directory.Write(
            "policies/counter/policy.yaml",
            $"{SamplePolicies.Yaml}\n  budget: {{ rate: {{ limit: 5/h, onExceed: {onExceed} }} }}\n");
        directory.Write("policies/counter/counter.csx", "Decision OnCr3(CrEvent e) { Record(\"seen\", new { e.New }); return Allow; }");
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--policies", "policies", "--json")).Expect(0);

        Assert.DoesNotContain(result.Json, line => Type(line) == "finding");
        var policy = Assert.Single(result.Json, line => Summary(line) == "policy" && line.GetProperty("policy").GetString() == "test.counter");
        var events = policy.GetProperty("events").GetInt64();
        var over = policy.GetProperty("overRate").GetInt64();
        Assert.NotEqual(0, over);
        var alert = Assert.Single(result.Json, line => Type(line) == "alert" && line.GetProperty("name").GetString() == "rate-exceeded");
        Assert.Equal(onExceed, alert.GetProperty("fields").GetProperty("onExceed").GetString());
        Assert.False(alert.GetProperty("fields").GetProperty("unguarded").GetBoolean());
        Assert.Equal(disarmed, InjectCommandTests.Statuses(result, "disarmed").Length);
        Assert.Equal(
            (onExceed switch
            {
                "drop-alert" => 5 + over,
                "sample" => 5 + (over / 100),
                _ => 6,
            }, onExceed == "drop-alert" ? over : 0),
            (events, policy.GetProperty("suppressedRecords").GetInt64()));
        var guest = Assert.Single(result.Json, line => Summary(line) == "simulation");
        Assert.True(guest.GetProperty("endedAsWritten").GetBoolean());
        AssertAllAnswered(guest);
    }
}
