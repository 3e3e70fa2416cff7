namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>PUT /v1/mode: as-written, audit or off. PUT /v1/policies/ID/mode: audit, enforce or as-written.</summary>
internal sealed record ModeRequest(string? Mode);
