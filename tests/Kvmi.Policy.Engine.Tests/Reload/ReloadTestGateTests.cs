using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Reload;

namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>The tests of policies stand between a built generation and the swap.</summary>
public sealed class ReloadTestGateTests
{
    [Fact]
    public async Task The_first_load_is_not_tested_and_later_only_what_changed_is()
    {
        var tests = new RecordedTests();
        await using var harness = new ReloadHarness(configure: options => options with { Tests = tests });
        harness.Save(1);
        harness.Save(1, "q.csx");
        await harness.Start();
        Assert.Empty(tests.Runs);

        harness.Save(2);
        var report = await harness.NextReport();
        Assert.True(report.Success);
        Assert.Equal(["p"], Assert.Single(tests.Runs));
        Assert.Equal((7, 0), (report.TestsPassed, report.TestsFailed));
        Assert.Equal([new("p", PolicyChangeKind.Changed, "1.0.0", "1.0.0", true)], report.PolicyChanges);

        // Asked for without a change: everything that would be tested has been.
        report = await harness.Reloader.ReloadNowAsync().WaitAsync(ReloadHarness.Patience);
        Assert.True(report.Success);
        Assert.Empty(report.PolicyChanges);
        Assert.Single(tests.Runs);
    }

    [Fact]
    public async Task A_failing_test_refuses_the_reload_with_its_message_and_place()
    {
        var tests = new RecordedTests();
        await using var harness = new ReloadHarness(configure: options => options with { Tests = tests });
        harness.Save(1);
        await harness.Start();
        var live = harness.Current;
        tests.Result = new(3, [new("p", "keeps it", new("p.yaml", 12, 9), "decision: expected keep, got allow")]);
        harness.Save(2);
        var report = await harness.NextReport();
        Assert.False(report.Success);
        Assert.Same(live, harness.Current);
        Assert.Equal(1UL, harness.Answer());
        Assert.Equal((3, 1), (report.TestsPassed, report.TestsFailed));
        Assert.StartsWith(
            "p.yaml:12:9: error KP0615: policy 'p', test 'keeps it': decision: expected keep, got allow",
            Assert.Single(report.Findings).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_whose_test_failed_is_tested_again_when_another_one_is_saved()
    {
        var tests = new RecordedTests();
        await using var harness = new ReloadHarness(configure: options => options with { Tests = tests });
        harness.Save(1);
        harness.Save(1, "q.csx");
        await harness.Start();
        tests.Result = new(0, [new("p", "t", new("p.yaml", 1, 1), "no")]);
        harness.Save(2);
        Assert.False((await harness.NextReport()).Success);

        // Only q is saved; p must not slip in behind it.
        harness.Save(2, "q.csx");
        Assert.False((await harness.NextReport()).Success);
        Assert.Equal(["p", "q"], tests.Runs[^1]);

        tests.Result = RecordedTests.Good;
        harness.Save(1);
        Assert.True((await harness.NextReport()).Success);
        Assert.Equal(["q"], tests.Runs[^1]);
        Assert.Equal(2UL, harness.Answer(policy: 1));
    }

    [Fact]
    public async Task Tests_that_do_not_end_refuse_the_reload()
    {
        var tests = new RecordedTests();
        await using var harness = new ReloadHarness(configure: options => options with { Tests = tests });
        harness.Save(1);
        await harness.Start();
        tests.Result = ReloadTestResult.None with { Unfinished = "the tests did not end" };
        harness.Save(2);
        var report = await harness.NextReport();
        Assert.False(report.Success);
        Assert.Equal("KP0616", Assert.Single(report.Findings).Code);
        Assert.Equal(1UL, harness.Answer());
    }

    [Fact]
    public async Task What_goes_live_is_what_was_tested()
    {
        var tests = new RecordedTests();
        await using var harness = new ReloadHarness(configure: options => options with { Tests = tests });
        harness.Save(1);
        await harness.Start();
        tests.During = () =>
        {
            tests.During = null;
            harness.Save(3);
        };
        harness.Save(2);
        var report = await harness.NextReport();
        Assert.False(report.Success);
        Assert.Equal("KP0617", Assert.Single(report.Findings).Code);
        Assert.Equal(1UL, harness.Answer());
        await harness.WaitForAnswer(3);
        Assert.Equal(2, tests.Runs.Count);
    }

    [Fact]
    public async Task A_policy_that_comes_and_one_that_goes_are_in_the_report()
    {
        await using var harness = new ReloadHarness();
        var path = harness.Save(1);
        await harness.Start();
        harness.Save(1, "q.csx");
        Assert.Equal([new("q", PolicyChangeKind.Added, null, "1.0.0", null)], (await harness.NextReport()).PolicyChanges);
        File.Delete(path);
        Assert.Equal([new("p", PolicyChangeKind.Removed, "1.0.0", null, null)], (await harness.NextReport()).PolicyChanges);
    }

    private sealed class RecordedTests : IReloadTests
    {
        public static ReloadTestResult Good { get; } = new(7, []);

        public List<IReadOnlyList<string>> Runs { get; } = [];

        public ReloadTestResult Result { get; set; } = Good;

        public Action? During { get; set; }

        public ReloadTestResult Run(IReadOnlyList<PolicyDefinition> policies, IReadOnlyList<PolicyDefinition> set, PluginCatalog plugins)
        {
            Runs.Add([.. policies.Select(policy => policy.Id)]);
            During?.Invoke();
            return Result;
        }
    }
}
