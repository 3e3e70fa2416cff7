using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>
/// The code of one policy for all of its tests: built once and taken with each test's settings where it keeps nothing outside of its instances, built
/// for each test where it does.
/// </summary>
internal sealed class TestedCode(
    GenerationBuilder builder, PluginCatalog plugins, PolicyLoadOptions options, PolicyDefinition policy, IReadOnlyList<PolicyDefinition> set) : IDisposable
{
    private readonly Dictionary<int, PolicyDefinition> _loaded = [];
    private Generation? _built;
    private bool _isAlone;

    /// <summary>The policy for one test.</summary>
    /// <returns>A generation that the caller holds; null with error findings.</returns>
    public Generation? Take(PolicyTest test, out IReadOnlyList<Finding> findings)
    {
        if (Load(test, out findings) is not { } definition)
        {
            return null;
        }

        if (_built?.TryDerive(definition) is { } derived)
        {
            return derived;
        }

        var providers = set.Where(other => other.Id != policy.Id && other.Code.Plugin is { } plugin
            && definition.Requires.Plugins.Contains(plugin));
        var build = builder.Build([definition, .. providers], plugins, previous: null);
        findings = build.Findings;
        if (build.Generation is not { } generation || _isAlone || _built is not null)
        {
            return build.Generation;
        }

        if (generation.TryDerive(definition) is not { } first)
        {
            _isAlone = true;
            return generation;
        }

        _built = generation;
        return first;
    }

    public void Dispose() => _built?.Release();

    // Most tests differ in nothing but their mode: reading and checking the file costs more than running them.
    private PolicyDefinition? Load(PolicyTest test, out IReadOnlyList<Finding> findings)
    {
        findings = [];
        var key = test.Mode is { } mode ? (int)mode : -1;
        var isPlain = test.Parameters.Count == 0;
        if (isPlain && _loaded.TryGetValue(key, out var known))
        {
            return known;
        }

        var result = PolicyFileLoader.Load(policy.File,
            options with { Mode = test.Mode, TestParameters = test.Parameters, AllowMissingParameters = false });
        findings = result.Findings;
        if (isPlain && result.Definition is { } definition)
        {
            _loaded.Add(key, definition);
        }

        return result.Definition;
    }
}
