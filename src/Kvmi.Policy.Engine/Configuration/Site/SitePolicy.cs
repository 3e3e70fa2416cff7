using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Site;

/// <summary>What a site says about one policy. Immutable.</summary>
public sealed record SitePolicy
{
    /// <summary>False: the policy is left out.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Mode instead of the file's; null leaves it.</summary>
    public PolicyMode? Mode { get; init; }

    /// <summary>Severity of alerts instead of the file's; null leaves it.</summary>
    public PolicySeverity? Severity { get; init; }

    /// <summary>Values of parameters, by name.</summary>
    public IReadOnlyDictionary<string, SiteValue> Parameters { get; init; } = new Dictionary<string, SiteValue>();

    /// <summary>Where the policy is named.</summary>
    public SourceLocation Location { get; init; }
}
