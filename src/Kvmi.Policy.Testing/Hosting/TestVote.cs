namespace Kvmi.Policy.Testing.Hosting;

/// <summary>What one policy voted about an event.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Decision">Its vote.</param>
/// <param name="IsAudit">True: the policy is in audit mode, and the vote did not count.</param>
/// <param name="Failed">True: its handler failed, and this is its <c>onError</c>.</param>
public sealed record TestVote(string Policy, DecisionKind Decision, bool IsAudit, bool Failed);
