namespace Kvmi.Policy.Engine.Output;

/// <summary>What one policy said about an event.</summary>
/// <param name="Policy">Its id.</param>
/// <param name="Decision">What it asked for.</param>
/// <param name="Value">Value of set and keep; null for others.</param>
/// <param name="IsAudit">True when it was in audit mode, so that the vote did not count.</param>
/// <param name="Failed">True when its handler failed, and the vote is its onError or onTimeout.</param>
public sealed record DecisionVote(string Policy, DecisionKind Decision, ulong? Value, bool IsAudit, bool Failed);
