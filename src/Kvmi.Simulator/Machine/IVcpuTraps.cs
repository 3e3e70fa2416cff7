namespace Kvmi.Simulator.Machine;

/// <summary>
/// What one vCPU reports instead of just doing it. All off at the start. May be changed from any thread; a change made while
/// the vCPU runs holds from a nearby instruction on.
/// </summary>
public interface IVcpuTraps
{
    /// <summary>INT3 ends Run with <see cref="VcpuExitKind.Breakpoint"/> instead of raising #BP.</summary>
    bool Breakpoint { get; set; }

    /// <summary>LGDT, LIDT, LLDT, LTR, SGDT, SIDT, SLDT, STR end Run with <see cref="VcpuExitKind.Descriptor"/>.</summary>
    bool Descriptor { get; set; }

    /// <summary>VMCALL ends Run with <see cref="VcpuExitKind.Hypercall"/>; off, the guest is told that the call does not exist.</summary>
    bool Hypercall { get; set; }

    /// <summary>
    /// Each executed instruction ends Run with <see cref="VcpuExitKind.Singlestep"/>; without effect on a machine that lacks
    /// <see cref="MachineFeatures.Singlestep"/>.
    /// </summary>
    bool Singlestep { get; set; }

    /// <summary>An XSETBV that changes XCR0 ends Run with <see cref="VcpuExitKind.XcrWrite"/>.</summary>
    bool Xsetbv { get; set; }

    /// <summary>CPUID ends Run with <see cref="VcpuExitKind.Cpuid"/>.</summary>
    bool Cpuid { get; set; }

    /// <summary>Tells whether changes of a control register end Run with <see cref="VcpuExitKind.CrWrite"/>.</summary>
    /// <param name="cr">Number of the control register.</param>
    bool GetCr(int cr);

    /// <summary>Traps changes of a control register, or no longer.</summary>
    /// <param name="cr">0, 3 or 4.</param>
    /// <param name="enable">True to trap.</param>
    /// <returns>False when this register cannot be trapped.</returns>
    bool TrySetCr(int cr, bool enable);

    /// <summary>Tells whether changes of an MSR end Run with <see cref="VcpuExitKind.MsrWrite"/>.</summary>
    /// <param name="msr">MSR number.</param>
    bool GetMsr(uint msr);

    /// <summary>Traps changes of an MSR, or no longer.</summary>
    /// <param name="msr">0 to 0x1FFF or 0xC0000000 to 0xC0001FFF: what the MSR bitmap of the CPU covers.</param>
    /// <param name="enable">True to trap.</param>
    /// <returns>False when this MSR cannot be trapped.</returns>
    bool TrySetMsr(uint msr, bool enable);

    /// <summary>Switches everything off.</summary>
    void Clear();
}
