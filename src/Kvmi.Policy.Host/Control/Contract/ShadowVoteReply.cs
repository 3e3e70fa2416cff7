namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>How a generation decided about an event.</summary>
internal sealed record ShadowVoteReply(string Decision, string? Value, string? WouldHave, int? Exception, string? Policy);
