using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Output;

/// <summary>Alerts that <c>spec.alerts</c> kept back; written when the window ends in which they were. Nothing is hidden without such a line.</summary>
public sealed record SuppressedAlertsOutput : OutputRecord
{
    /// <summary>The policy.</summary>
    public required string Policy { get; init; }

    /// <summary>Name of the alerts; "(others)" when the policy has raised alerts of more names than are told apart.</summary>
    public required string Name { get; init; }

    /// <summary>Their severity.</summary>
    public required PolicySeverity Severity { get; init; }

    /// <summary>Mode of the policy at the first of them.</summary>
    public required PolicyMode Mode { get; init; }

    /// <summary>How many there were, from 1.</summary>
    public required long Count { get; init; }

    /// <summary>How long the window was open.</summary>
    public required TimeSpan Window { get; init; }

    /// <summary>True when the throttle kept them back, false when they repeated another alert.</summary>
    public required bool IsThrottle { get; init; }

    /// <summary>The fields in which they were all equal; empty for a throttle. Long values are cut off.</summary>
    public IReadOnlyList<OutputField> Fields { get; init; } = [];
}
