using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Generations;

public sealed class ShippedPoliciesTests
{
    [Fact]
    public void Every_shipped_policy_compiles_with_the_shipped_plugins()
    {
        var set = PolicySetLoader.Load([Path.Combine(AppContext.BaseDirectory, "policies")], PolicyLoadOptions.Default);
        var plugins = PluginSetLoader.Discover([Path.Combine(AppContext.BaseDirectory, "plugins")]);
        var result = Builder().Build(set.Policies, plugins, null);
        Assert.Empty(result.Findings);
        Assert.Equal(set.Files.Count, result.Generation!.Policies.Count);
        Assert.Contains(result.Generation.Policies, policy => policy.Definition.Code.Plugin == "process-census");
    }

    public static TheoryData<string> Ids => [.. Shipped().Select(policy => policy.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Every_shipped_policy_has_a_test_where_it_acts_one_where_it_must_not_and_one_in_audit(string id)
    {
        var policy = Shipped().Single(policy => policy.Id == id);
        var steps = policy.Tests.SelectMany(test => test.Steps.Select(step => (Mode: test.Mode ?? policy.Mode, step.Expect))).ToList();
        Assert.Contains(steps, step => Acts(step.Expect));
        Assert.Contains(steps, step => IsQuiet(step.Expect));
        Assert.Contains(steps, step => step.Mode == PolicyMode.Audit && Acts(step.Expect));

        // What a policy that acts holds back in audit is said, and in enforce mode it is done.
        if (steps.Any(step => IsDecided(step.Expect)))
        {
            Assert.Contains(steps, step => step.Mode == PolicyMode.Audit && step.Expect?.WouldHave is not null);
            Assert.Contains(steps, step => step.Mode == PolicyMode.Enforce && IsDecided(step.Expect));
        }
    }

    // What the census does is count: its numbers are checked in tests/ProcessCensus.Tests.
    private static IEnumerable<PolicyDefinition> Shipped() => PolicySetLoader
        .Load([Path.Combine(AppContext.BaseDirectory, "policies")], PolicyLoadOptions.Default).Policies.Where(policy => policy.Id != "process-census");

    private static bool Acts(PolicyTestExpectation? expected) =>
        expected is { Alerts.Count: > 0 } or { Records.Count: > 0 } or { WouldHave: not null } || IsDecided(expected);

    private static bool IsDecided(PolicyTestExpectation? expected) =>
        expected?.Decision is not (null or DecisionKind.Allow or DecisionKind.Retry);

    private static bool IsQuiet(PolicyTestExpectation? expected) =>
        expected is { Decision: DecisionKind.Allow or DecisionKind.Retry, Alerts.Count: 0, WouldHave: null };
}
