using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Model;

/// <summary>How a policy's alerts are thinned out, and what is added to them.</summary>
/// <param name="DedupeBy">Names of the fields whose equality makes two alerts of one name the same; empty with a zero window means no thinning.</param>
/// <param name="DedupeWindow">How long an alert silences its equals.</param>
public sealed record PolicyAlertSettings(IReadOnlyList<string> DedupeBy, TimeSpan DedupeWindow)
{
    /// <summary>Bound of the rate of the alerts that dedupe lets pass; null for none.</summary>
    public PolicyAlertThrottle? Throttle { get; init; }

    /// <summary>What each alert tells of its event besides: rip, cpl, root, old, new, gva, gpa. What the event does not have is left out.</summary>
    public IReadOnlyList<string> EventFields { get; init; } = [];

    /// <summary>Fixed fields of each alert, with the values of the file: string, bool, long or ulong.</summary>
    public IReadOnlyList<OutputField> FixedFields { get; init; } = [];

    /// <summary>True when alerts can be kept back.</summary>
    public bool IsThinning => DedupeWindow > TimeSpan.Zero || Throttle is not null;
}
