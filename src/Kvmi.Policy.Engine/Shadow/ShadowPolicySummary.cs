namespace Kvmi.Policy.Engine.Shadow;

/// <summary>What one policy did in the shadow.</summary>
/// <param name="Policy">Id of the policy.</param>
/// <param name="Version">Its version.</param>
/// <param name="Votes">Times that it voted.</param>
/// <param name="Alerts">Alerts that it would have raised.</param>
/// <param name="Errors">Times that its code failed.</param>
public sealed record ShadowPolicySummary(string Policy, string Version, long Votes, long Alerts, long Errors);
