using System.Globalization;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Testing.Policies;

namespace Kvmi.Policy.Host.PolicyTests;

/// <summary>One run of <c>test</c>: several policies at a time, each with a builder of its own, the results in the order of the policies.</summary>
internal sealed class TestRun(ResultWriter results, PolicyWorkshop workshop, PolicyLoadOptions options, TestSettings settings)
{
    private readonly ScriptCoverage? _coverage = settings.MeasuresCoverage ? new() : null;

    /// <summary>Runs or lists the tests.</summary>
    /// <param name="set">The policies.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="UsageException">The filter matches nothing.</exception>
    public int Run(PolicySetLoadResult set)
    {
        var chosen = set.Policies.Where(policy => policy.Tests.Any(test => settings.Filter.Matches(policy.Id, test.Name))).ToList();
        if (settings.Filter.IsSet && chosen.Count == 0 && !set.HasErrors)
        {
            var all = set.Policies.Sum(policy => policy.Tests.Count);
            throw new UsageException($"--filter {settings.Filter} matches none of {all} tests: --list without it shows them all.");
        }

        if (settings.IsList)
        {
            return List(chosen, set);
        }

        var byPolicy = chosen.AsParallel().AsOrdered().WithDegreeOfParallelism(settings.Jobs).WithMergeOptions(ParallelMergeOptions.NotBuffered)
            .Select(policy => TestPolicy(policy, set.Policies));
        var tested = new List<PolicyTestResult>();
        foreach (var result in byPolicy.SelectMany(ofPolicy => ofPolicy))
        {
            tested.Add(result);
            results.Write(new TestOutput
            {
                Time = results.Now,
                Policy = result.Policy,
                Test = result.Test,
                Passed = result.Passed,
                Location = result.Location,
                Failures = result.Failures,
                Step = result.Step,
                Seen = result.Seen,
                Elapsed = result.Elapsed,
            });
        }

        // Without a filter, what has no test counts as not covered.
        var isCovered = Cover(settings.Filter.IsSet ? chosen : set.Policies);
        var failed = tested.Count(result => !result.Passed);
        results.Write(new TotalsOutput
        {
            Time = results.Now,
            Kind = "tests",
            Counts = [new("passed", tested.Count - failed), new("failed", failed)],
            Text = string.Create(CultureInfo.InvariantCulture, $"{tested.Count - failed} passed, {failed} failed"),
        });
        if (settings.JUnit is { } file)
        {
            JUnitReport.Write(file, results.Now, tested, [.. set.Findings.Where(finding => finding.Severity == FindingSeverity.Error)]);
        }

        return failed == 0 && isCovered && !set.HasErrors ? ExitCode.Fine : ExitCode.Failure;
    }

    private IReadOnlyList<PolicyTestResult> TestPolicy(PolicyDefinition policy, IReadOnlyList<PolicyDefinition> set) =>
        new PolicyTestSuite(workshop.NewBuilder(_coverage), workshop.Plugins, options) { Limit = settings.Limit }
            .Run(policy, set, test => settings.Filter.Matches(policy.Id, test.Name));

    private int List(IReadOnlyList<PolicyDefinition> policies, PolicySetLoadResult set)
    {
        var count = 0;
        foreach (var policy in policies)
        {
            foreach (var test in policy.Tests.Where(test => settings.Filter.Matches(policy.Id, test.Name)))
            {
                count++;
                results.Write(new ListedTestOutput { Time = results.Now, Policy = policy.Id, Test = test.Name, Location = test.Location });
            }
        }

        results.Write(new TotalsOutput
        {
            Time = results.Now,
            Kind = "tests",
            Counts = [new("listed", count)],
            Text = string.Create(CultureInfo.InvariantCulture, $"{count} tests"),
        });
        return set.HasErrors ? ExitCode.Failure : ExitCode.Fine;
    }

    private bool Cover(IReadOnlyList<PolicyDefinition> policies)
    {
        if (_coverage is null)
        {
            return true;
        }

        var coverage = policies.Select(policy => (Policy: policy, Coverage: _coverage.Of(policy))).ToList();
        if (settings.ShowCoverage)
        {
            CoverageTable.Write(results, [.. coverage.Select(entry => entry.Coverage)]);
        }

        foreach (var report in settings.CoverageReports)
        {
            report.Write([.. coverage.Select(entry => entry.Coverage)], results.Now);
        }

        var isEnough = true;
        foreach (var (policy, measured) in coverage)
        {
            if (settings.CoverageMinimum is { } minimum && CoverageTable.BelowMinimum(measured, minimum) is { } below)
            {
                isEnough = false;
                PolicyWorkshop.Report(results, [new(policy.Location, FindingSeverity.Error, ScriptCoverage.LowCoverage,
                    $"the tests of policy '{policy.Id}' run {below}; --coverage-min wants {minimum} %", "--coverage shows which lines are not run")]);
            }
        }

        return isEnough;
    }
}
