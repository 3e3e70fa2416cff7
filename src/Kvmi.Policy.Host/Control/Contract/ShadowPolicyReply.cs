namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>What a policy did in the shadow.</summary>
internal sealed record ShadowPolicyReply(string Policy, string Version, long Votes, long Alerts, long Errors);
