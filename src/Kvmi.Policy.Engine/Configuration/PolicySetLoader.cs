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
        var policies = new List<PolicyDefinition>();
        var byId = new Dictionary<string, PolicyDefinition>(StringComparer.Ordinal);
        if (options.Ownership is { } ownership)
        {
            PolicyOwnership.Check(files, options.Files, ownership, findings);
        }

        foreach (var file in files)
        {
            var result = PolicyFileLoader.Load(file, options);
            findings.AddRange(result.Findings);
            if (result.Definition is not { } policy)
            {
                continue;
            }

            if (byId.TryAdd(policy.Id, policy))
            {
                policies.Add(policy);
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

        return new PolicySetLoadResult(policies, files, findings);
    }
}
