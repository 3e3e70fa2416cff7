namespace Kvmi.Simulator.Machine;

/// <summary>Why <see cref="IVcpu.Run"/> came back. Each says which fields of <see cref="VcpuExit"/> it uses.</summary>
public enum VcpuExitKind
{
    /// <summary>The instruction budget is used up.</summary>
    Budget = 0,

    /// <summary><see cref="IVcpu.Kick"/> was called.</summary>
    Kicked,

    /// <summary>HLT was executed. The next Run goes on after it; a caller normally waits for a reason to do so first.</summary>
    Halted,

    /// <summary>Triple fault. The vCPU never runs again: each further Run gives the same answer.</summary>
    Shutdown,

    /// <summary><see cref="IMachine.Stop"/> was called.</summary>
    Stopped,

    /// <summary>A control register is about to change: Number, OldValue, NewValue.</summary>
    CrWrite,

    /// <summary>An MSR is about to change: Number, OldValue, NewValue.</summary>
    MsrWrite,

    /// <summary>An extended control register is about to change: Number, OldValue, NewValue.</summary>
    XcrWrite,

    /// <summary>INT3 is about to be executed: Gva, Gpa, Length.</summary>
    Breakpoint,

    /// <summary>VMCALL is about to be executed; the arguments are in the registers: Length.</summary>
    Hypercall,

    /// <summary>A descriptor-table register is about to be read or written: Table, IsWrite, Length.</summary>
    Descriptor,

    /// <summary>CPUID is about to be executed: Function, Index, Length.</summary>
    Cpuid,

    /// <summary>An access that page access rights forbid: Gva (all ones for a page-table access), Gpa, Access (what was tried).</summary>
    PageAccess,

    /// <summary>One instruction was executed while single-stepping.</summary>
    Singlestep,

    /// <summary>
    /// Answers <see cref="IVcpu.TryInjectException"/>: the guest gets an exception with the next Run; registers are still those of the
    /// interrupted place: Vector, ErrorCode, Address, WasInjected.
    /// </summary>
    Exception,

    /// <summary>The guest started this vCPU; its first instruction comes next. Only once for a hot-plugged vCPU, never for the others.</summary>
    Started,
}
