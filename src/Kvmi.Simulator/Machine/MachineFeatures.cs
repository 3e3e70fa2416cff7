namespace Kvmi.Simulator.Machine;

/// <summary>What the virtualization hardware under a machine offers to a hypervisor, so far as introspection has commands for it.</summary>
[Flags]
public enum MachineFeatures
{
    /// <summary>Only what every machine has.</summary>
    None = 0,

    /// <summary>A vCPU can be stopped after each instruction (<see cref="IVcpuTraps.Singlestep"/>).</summary>
    Singlestep = 1,

    /// <summary>Several views of physical memory (<see cref="IMachine.Views"/>, <see cref="IVcpu.Views"/>).</summary>
    Views = 2,

    /// <summary>The guest can switch between visible views itself, with VMFUNC.</summary>
    Vmfunc = 4,

    /// <summary>Forbidden accesses can become virtualization exceptions (#VE) in the guest.</summary>
    VirtualizationExceptions = 8,

    /// <summary>Write access can be given to 128-byte parts of a page.</summary>
    SubPageProtection = 16,
}
