using Kvmi.Policy.Engine.Configuration;
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
    /// <param name="options">How policy files are loaded; mode and test parameters are the tests' own.</param>
    public PolicyTestSuite(GenerationBuilder builder, PluginCatalog plugins, PolicyLoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(plugins);
        ArgumentNullException.ThrowIfNull(options);
        (_builder, _plugins, _options) = (builder, plugins, options);
    }

    /// <summary>Runs the tests of one policy in their order.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="set">All loaded policies: those of required plugins are taken from it.</param>
    public IEnumerable<PolicyTestResult> Run(PolicyDefinition policy, IReadOnlyList<PolicyDefinition> set)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(set);
        return policy.Tests.Select(test => Run(policy, test, set));
    }

    private PolicyTestResult Run(PolicyDefinition policy, PolicyTest test, IReadOnlyList<PolicyDefinition> set)
    {
        if (test.Problem is { } problem)
        {
            // A missing trace or memory file: the policy loads without it, its test must not look as if it had run.
            return new(policy.Id, test.Name, test.Location, [problem]);
        }

        var loaded = PolicyFileLoader.Load(policy.File, _options with { Mode = test.Mode, TestParameters = test.Parameters, AllowMissingParameters = false });
        if (loaded.Definition is not { } definition)
        {
            return Broken(policy, test, loaded.Findings);
        }

        var providers = set.Where(other => other.Id != policy.Id && other.Code.Plugin is { } plugin && definition.Requires.Plugins.Contains(plugin));
        var build = _builder.Build([definition, .. providers], _plugins, previous: null);
        return build.Generation is { } generation
            ? PolicyTestRunner.Run(generation, policy.Id, test)
            : Broken(policy, test, build.Findings);
    }

    private static PolicyTestResult Broken(PolicyDefinition policy, PolicyTest test, IReadOnlyList<Finding> findings) =>
        new(policy.Id, test.Name, test.Location, [.. findings.Where(finding => finding.Severity == FindingSeverity.Error).Select(finding => finding.ToString())]);
}
