using Kvmi.Policy.Engine.Decisions;

namespace Kvmi.Policy.Engine.Shadow;

/// <summary>How one generation decided about an event.</summary>
/// <param name="Decision">The decision.</param>
/// <param name="Value">The value of a CR or MSR write; null otherwise.</param>
/// <param name="WouldHave">The strongest audit vote above it; null for none.</param>
/// <param name="Exception">Vector of an inject; null otherwise.</param>
/// <param name="Policy">The policy whose vote it is; null when none counted.</param>
public readonly record struct ShadowVote(DecisionKind Decision, ulong? Value, DecisionKind? WouldHave, byte? Exception, string? Policy)
{
    internal static ShadowVote Of(EventOutcome outcome) =>
        new(outcome.Decision, outcome.Value, outcome.WouldHave, outcome.Exception?.Vector, outcome.Winner);

    /// <summary>True when the guest would not notice which of the two decided, and an audit policy would not either.</summary>
    internal bool IsSameAs(in ShadowVote other) =>
        Decision == other.Decision && Value == other.Value && WouldHave == other.WouldHave && Exception == other.Exception;
}
