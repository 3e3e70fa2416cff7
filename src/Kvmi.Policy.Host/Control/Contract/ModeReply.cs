namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>What a switch was set to, and what is in force now.</summary>
internal sealed record ModeReply(string? Policy, string Mode, string Effective);
