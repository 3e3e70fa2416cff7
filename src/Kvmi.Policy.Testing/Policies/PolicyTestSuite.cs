using System.Globalization;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>
/// Runs all tests of policies: each with its own mode and parameters, on a generation and a VM of its own, so that no test sees
/// another one's state. One thread at a time.
/// </summary>
public sealed class PolicyTestSuite
{
    private readonly GenerationBuilder _builder;
    private readonly PluginCatalog _plugins;
    private readonly PolicyLoadOptions _options;

    /// <summary>Makes a suite.</summary>
    /// <param name="builder">Builds the generations; unchanged scripts come from its cache.</param>
    /// <param name="plugins">Plugins that policies may need.</param>
    /// <param name="options">How policy files are loaded; mode and test parameters are the tests' own. Its clock measures the tests.</param>
    public PolicyTestSuite(GenerationBuilder builder, PluginCatalog plugins, PolicyLoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(plugins);
        ArgumentNullException.ThrowIfNull(options);
        (_builder, _plugins, _options) = (builder, plugins, options);
    }

    /// <summary>
    /// How long one test may take. Scripts are ended by their budget long before; this is for plugins and for what cannot be ended: the test has
    /// failed, the policy's tests behind it are not run, and its thread is given up. With <see cref="Timeout.InfiniteTimeSpan"/> there is no limit, and
    /// tests run on the caller's thread, which has the stack of a <see cref="PolicyThread"/> where policies recurse.
    /// </summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Runs the tests of one policy in their order.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="set">All loaded policies: those of required plugins are taken from it.</param>
    /// <param name="wanted">Which of its tests; null for all.</param>
    public IReadOnlyList<PolicyTestResult> Run(PolicyDefinition policy, IReadOnlyList<PolicyDefinition> set, Func<PolicyTest, bool>? wanted = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(set);
        var tests = policy.Tests.Where(test => wanted?.Invoke(test) ?? true).ToList();
        var results = new List<PolicyTestResult>(tests.Count);
        var code = new TestedCode(_builder, _plugins, _options, policy, set);
        PolicyTest? endless = null;
        try
        {
            foreach (var test in tests)
            {
                results.Add(endless is null
                    ? Run(policy, test, code, ref endless)
                    : new(policy.Id, test.Name, test.Location, [$"not run: the test '{endless.Name}' of this policy has not ended"]));
            }
        }
        finally
        {
            code.Dispose();
        }

        return results;
    }

    private PolicyTestResult Run(PolicyDefinition policy, PolicyTest test, TestedCode code, ref PolicyTest? endless)
    {
        if (test.Problem is { } problem)
        {
            // A missing trace or memory file: the policy loads without it, its test must not look as if it had run.
            return new(policy.Id, test.Name, test.Location, [problem]);
        }

        if (code.Take(test, out var findings) is not { } generation)
        {
            return new(policy.Id, test.Name, test.Location,
                [.. findings.Where(finding => finding.Severity == FindingSeverity.Error).Select(finding => finding.ToString())]);
        }

        var started = _options.TimeProvider.GetTimestamp();
        PolicyTestResult? result;
        if (Limit == Timeout.InfiniteTimeSpan)
        {
            result = PolicyTestRunner.Run(generation, policy.Id, test);
        }
        else if (!PolicyThread.TryRun(() => PolicyTestRunner.Run(generation, policy.Id, test), Limit, out result))
        {
            endless = test;
            result = new(policy.Id, test.Name, test.Location,
                [string.Create(CultureInfo.InvariantCulture, $"the test has not ended within {Limit.TotalSeconds:0.###} s: a handler or constructor does not return")]);
        }

        return result! with { Elapsed = _options.TimeProvider.GetElapsedTime(started) };
    }
}
