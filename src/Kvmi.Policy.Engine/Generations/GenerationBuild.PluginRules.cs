using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>What a build asks of plugins before their code is loaded.</summary>
internal sealed partial class GenerationBuild
{
    /// <summary>False, with findings, when the policy asks for other versions or digests than its plugins have; then none of its plugins is loaded.</summary>
    private bool HasPluginsAsAsked(PolicyDefinition definition)
    {
        var all = true;
        foreach (var (id, least) in definition.Requires.PluginVersions)
        {
            if (catalog.Find(id) is not { } plugin || (plugin.Version.Major == least.Major && plugin.Version >= least))
                continue;

            all = false;
            _brokenPlugins.Add(id);
            _findings.Add(new(definition.Location, FindingSeverity.Error, CodeFindings.PluginVersion,
                $"policy '{definition.Id}' needs plugin '{id}' {least} or a later {least.Major}.x, and {plugin.MainAssemblyPath} is {plugin.Version}",
                "install a version that will do, or correct requires.plugins"));
        }

        foreach (var (id, expected) in definition.Requires.PluginDigests)
        {
            // A plugin that is not there has its own finding.
            if (catalog.Find(id) is not { } plugin || plugin.Sha256 == expected)
                continue;

            all = false;
            _brokenPlugins.Add(id);
            _findings.Add(new(definition.Location, FindingSeverity.Error, CodeFindings.PluginDigest,
                $"policy '{definition.Id}' is pinned to plugin '{id}' with the SHA-256 {expected}, and {plugin.MainAssemblyPath} has {plugin.Sha256}",
                "install the plugin that was pinned, or look at what changed and pin the new digest"));
        }

        return all;
    }

    /// <summary>False, with findings, when the rules restrict the code of plugins and this one uses something that no list names.</summary>
    private bool IsWithinAllowList(PluginDescription plugin, PluginLoadOptions options)
    {
        if (!plugin.Rules.RestrictCode)
            return true;

        var findings = PluginRestriction.Check(plugin.Id, options);
        _findings.AddRange(findings);
        return findings.Count == 0;
    }
}
