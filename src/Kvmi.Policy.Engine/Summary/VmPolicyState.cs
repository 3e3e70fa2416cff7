using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Summary;

/// <summary>One policy on one VM.</summary>
/// <param name="Id">The policy.</param>
/// <param name="State">Whether it serves.</param>
/// <param name="Mode">The mode in force, with every switch counted; null when it does not serve.</param>
/// <param name="Reason">Why it was refused, or why an earlier version of it stays in service; null otherwise.</param>
/// <param name="Traps">Events, control registers and MSRs that it has intercepted.</param>
/// <param name="Pages">Frames that it restricts.</param>
/// <param name="Patches">Patches that it has in the guest's memory; breakpoints are not among them.</param>
public sealed record VmPolicyState(string Id, PolicyServiceState State, PolicyMode? Mode, string? Reason, int Traps, int Pages, int Patches);
