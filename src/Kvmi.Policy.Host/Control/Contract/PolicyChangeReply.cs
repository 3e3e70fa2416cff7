namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>A policy that a reload changes.</summary>
internal sealed record PolicyChangeReply(string Policy, string Change, string? VersionBefore, string? Version, bool? KeepsState);
