using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Configuration.Site;

/// <summary>A parameter value that a site gives.</summary>
/// <param name="Raw">
/// Plain data, as <see cref="Model.PolicyTest.Parameters"/> holds it: bool, int, long, ulong, string, a list of those, or a
/// dictionary with the keys from and to.
/// </param>
/// <param name="Location">Where it stands.</param>
public sealed record SiteValue(object Raw, SourceLocation Location);
