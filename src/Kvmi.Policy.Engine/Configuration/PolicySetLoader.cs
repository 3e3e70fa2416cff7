using Kvmi.Policy.Engine.Configuration.Rules;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>Loads all policy files under some directories. Stateless; safe for any thread.</summary>
public static class PolicySetLoader
{
    /// <summary>Loads a set.</summary>
    /// <param name="paths">Directories, searched for <c>policy.yaml</c> and <c>*.policy.yaml</c>; a path of a file is taken as it is.</param>
    /// <param name="options">What the host overrides.</param>
    public static PolicySetLoadResult Load(IReadOnlyList<string> paths, PolicyLoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(options);
        var findings = new List<Finding>();
        var files = PolicyFileFinder.Find(paths, options.Files, findings);
        var broken = findings.Count > 0;
        var byId = new Dictionary<string, PolicyDefinition>(StringComparer.Ordinal);
        if (options.Ownership is { } ownership)
        {
            PolicyOwnership.Check(files, options.Site.Files, options.Files, ownership, findings);
        }

        var inOrder = new List<PolicyDefinition>();
        foreach (var file in files)
        {
            var result = PolicyFileLoader.Load(file, options);
            findings.AddRange(result.Findings);
            if (result.Definition is not { } policy)
            {
                broken = true;
                continue;
            }

            if (byId.TryAdd(policy.Id, policy))
            {
                inOrder.Add(policy);
            }
            else
            {
                findings.Add(new Finding(
                    policy.Location,
                    FindingSeverity.Error,
                    FindingCodes.DuplicateId,
                    $"The id '{policy.Id}' is taken already, by {byId[policy.Id].Location}.",
                    "rename one of the two policies"));
            }
        }

        // The id of a file that did not load is unknown: then nobody can say which entries of the site are for no policy.
        if (!broken)
        {
            findings.AddRange(UnknownToSite(byId, options));
        }

        PolicyDefinition[] loaded = [.. inOrder.Where(policy => !options.Site.IsDisabled(policy.Id))];
        findings.AddRange(DeclaredClashes.Find(loaded));
        return new PolicySetLoadResult(loaded, files, findings)
        {
            Disabled = [.. inOrder.Where(policy => options.Site.IsDisabled(policy.Id))],
        };
    }

    private static IEnumerable<Finding> UnknownToSite(Dictionary<string, PolicyDefinition> byId, PolicyLoadOptions options) =>
        options.Site.Policies.Where(entry => !byId.ContainsKey(entry.Key)).Select(entry => new Finding(
            entry.Value.Location,
            options.PartialSet ? FindingSeverity.Warning : FindingSeverity.Error,
            FindingCodes.SitePolicyUnknown,
            $"There is no policy {Quoting.Quote(entry.Key)} among those that are loaded.",
            Spelling.Hint(entry.Key, byId.Keys)));
}
