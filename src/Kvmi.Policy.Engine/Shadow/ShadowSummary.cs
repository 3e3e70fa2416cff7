namespace Kvmi.Policy.Engine.Shadow;

/// <summary>How a shadow generation has done so far. A picture without a stop.</summary>
public sealed record ShadowSummary
{
    /// <summary>Number of the generation.</summary>
    public required int Generation { get; init; }

    /// <summary>Its policies.</summary>
    public required IReadOnlyList<ShadowPolicySummary> Policies { get; init; }

    /// <summary>Events that both decided about.</summary>
    public required long Compared { get; init; }

    /// <summary>Those of them about which the shadow decided otherwise.</summary>
    public required long Differing { get; init; }

    /// <summary>Events that the shadow decided about without something that it asked for; not counted as compared.</summary>
    public required long Incomplete { get; init; }

    /// <summary>Events that came while the shadow still had too many others to do.</summary>
    public required long Skipped { get; init; }

    /// <summary>The latest differences, oldest first.</summary>
    public required IReadOnlyList<ShadowDifference> Differences { get; init; }

    /// <summary>What went wrong in the shadow: policies that do not start, handlers that throw; the first ones.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Names of the VMs whose shadow is in one event for more than a second: its code hangs.</summary>
    public required IReadOnlyList<string> Hanging { get; init; }
}
