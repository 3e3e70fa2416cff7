using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>What became of all policy files under some directories.</summary>
/// <param name="Policies">The policies without errors, ordered by path; ids are unique.</param>
/// <param name="Files">Every policy file that was found, also the bad ones, ordered by path.</param>
/// <param name="Findings">Everything that is wrong, file by file.</param>
public sealed record PolicySetLoadResult(
    IReadOnlyList<PolicyDefinition> Policies, IReadOnlyList<string> Files, IReadOnlyList<Finding> Findings)
{
    /// <summary>Policies without errors that the site leaves out, ordered by path.</summary>
    public IReadOnlyList<PolicyDefinition> Disabled { get; init; } = [];

    /// <summary>True when at least one finding is an error.</summary>
    public bool HasErrors => Findings.Any(finding => finding.Severity == FindingSeverity.Error);
}
