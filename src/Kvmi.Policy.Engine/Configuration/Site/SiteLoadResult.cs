using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Configuration.Site;

/// <summary>What became of the site files.</summary>
/// <param name="Settings">Their settings; what is wrong is left out.</param>
/// <param name="Findings">Everything that is wrong, file by file.</param>
public sealed record SiteLoadResult(SiteSettings Settings, IReadOnlyList<Finding> Findings)
{
    /// <summary>True when at least one finding is an error; the settings must not be used then.</summary>
    public bool HasErrors => Findings.Any(finding => finding.Severity == FindingSeverity.Error);
}
