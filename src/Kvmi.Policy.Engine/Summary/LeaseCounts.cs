namespace Kvmi.Policy.Engine.Summary;

/// <summary>How many leases are held, by kind.</summary>
/// <param name="Traps">Events, control registers and MSRs that policies have intercepted; each counts once for each policy that wants it.</param>
/// <param name="Pages">Frames with restricted access.</param>
/// <param name="Patches">Patches in guest memory, the bytes of breakpoints included.</param>
/// <param name="Breakpoints">Addresses that hold a breakpoint.</param>
public sealed record LeaseCounts(int Traps, int Pages, int Patches, int Breakpoints);
