namespace Kvmi.Simulator.Machine;

/// <summary>What the machine reports for all of its vCPUs. May be changed from any thread.</summary>
public interface IMachineTraps
{
    /// <summary>
    /// Enforces page access rights: a forbidden access ends <see cref="IVcpu.Run"/> with <see cref="VcpuExitKind.PageAccess"/>.
    /// Off, the rights stay recorded but have no effect. Off at the start.
    /// </summary>
    bool PageAccess { get; set; }

    /// <summary>
    /// Enforces the rights also where the CPU itself reads page tables and sets accessed and dirty bits in them (all ones as
    /// <see cref="VcpuExit.Gva"/>). Off, these accesses just happen. On at the start.
    /// </summary>
    bool PageWalks { get; set; }
}
