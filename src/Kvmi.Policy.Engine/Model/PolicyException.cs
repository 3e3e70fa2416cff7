using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Model;

/// <summary>A known good case: an event that matches is not shown to the policy.</summary>
/// <param name="Name">Name.</param>
/// <param name="VmNames">VM names for which it holds; empty means all.</param>
/// <param name="Filter">What the event must be.</param>
/// <param name="Expires">Last day, UTC; afterwards the exception no longer holds and validation fails.</param>
/// <param name="Reason">Why.</param>
/// <param name="Location">Where it is declared.</param>
public sealed record PolicyException(
    string Name, IReadOnlyList<string> VmNames, EventFilter Filter, DateOnly Expires, string Reason, SourceLocation Location)
{
    /// <summary>Names of VMs, as patterns, one of which must match as well: the site's VMs with the tag. Null: tags do not matter; empty: holds for none.</summary>
    public IReadOnlyList<string>? TaggedNames { get; init; }
}
