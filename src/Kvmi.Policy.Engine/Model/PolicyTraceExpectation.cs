namespace Kvmi.Policy.Engine.Model;

/// <summary>What a whole trace must give. A name that is listed must occur exactly so often; one that is not listed is not checked.</summary>
/// <param name="Alerts">Number of alerts by name; null when alerts are not checked.</param>
/// <param name="Records">Number of records by name; null when records are not checked.</param>
/// <param name="Decisions">Number of decisions by kind; null when decisions are not checked.</param>
public sealed record PolicyTraceExpectation(
    IReadOnlyDictionary<string, int>? Alerts,
    IReadOnlyDictionary<string, int>? Records,
    IReadOnlyDictionary<DecisionKind, int>? Decisions)
{
    /// <summary>What single events must give, by their number: of a trace the one that trace show --events prints, of a capture the running one.</summary>
    public IReadOnlyDictionary<long, PolicyTestExpectation> At { get; init; } = new Dictionary<long, PolicyTestExpectation>();
}
