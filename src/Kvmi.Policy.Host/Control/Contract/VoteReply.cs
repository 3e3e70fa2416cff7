namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>One vote. One in audit mode does not count.</summary>
internal sealed record VoteReply(string Policy, string Decision, string? Value, string Mode, bool Failed);
