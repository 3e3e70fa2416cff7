namespace Kvmi.Policy.Engine.Reload;

/// <summary>One policy that a reload changes.</summary>
/// <param name="Policy">Id of the policy.</param>
/// <param name="Kind">What happens to it.</param>
/// <param name="VersionBefore">Version that was live; null for one that is new.</param>
/// <param name="Version">Version that goes live; null for one that is gone.</param>
/// <param name="KeepsState">
/// True: both versions say that its state outlives a reload. What each VM really took over is in its line <c>in-service</c>, because a collection
/// can change its type. Null for one that is new or gone.
/// </param>
public sealed record PolicyChange(string Policy, PolicyChangeKind Kind, string? VersionBefore, string? Version, bool? KeepsState);
