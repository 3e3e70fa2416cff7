namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>POST /v1/promote and POST /v1/discard.</summary>
internal sealed record ShadowChangeReply(bool Success, int Generation, string? Problem);
