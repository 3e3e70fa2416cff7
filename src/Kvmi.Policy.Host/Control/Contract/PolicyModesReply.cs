namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>A policy's mode and where it comes from. Each is stronger than the one before; the switch over all policies is the strongest.</summary>
/// <param name="File">What the file says.</param>
/// <param name="Option">What the run was started with; null when it was not given.</param>
/// <param name="Switch">What was set while it runs; null when nothing was.</param>
/// <param name="Master">The switch over all policies.</param>
/// <param name="Effective">What is in force: audit, enforce or off.</param>
internal sealed record PolicyModesReply(string File, string? Option, string? Switch, string Master, string Effective);
