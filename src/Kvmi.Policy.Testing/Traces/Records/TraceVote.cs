namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>What one policy said about a recorded event.</summary>
/// <param name="Policy">Its id.</param>
/// <param name="Decision">What it asked for.</param>
/// <param name="Value">The value of set and keep.</param>
/// <param name="IsAudit">True when it was in audit mode, so that the vote did not count.</param>
/// <param name="Failed">True when its handler failed.</param>
public readonly record struct TraceVote(string Policy, DecisionKind Decision, ulong Value, bool IsAudit, bool Failed);
