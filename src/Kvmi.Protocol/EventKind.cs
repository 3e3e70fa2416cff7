namespace Kvmi.Protocol;

/// <summary>
/// What an event is, independent of the id that a dialect gives it on the wire
/// (kvmi-later-dialects.md 1.4 lists the ids, 5.2 the differences).
/// </summary>
public enum EventKind
{
    /// <summary>The hypervisor is about to end the introspection. There is no reply.</summary>
    Unhook = 0,

    /// <summary>A controlled control register (CR0, CR3, CR4) is about to change.</summary>
    Cr = 1,

    /// <summary>A controlled MSR is about to change.</summary>
    Msr = 2,

    /// <summary>XSETBV was executed.</summary>
    Xsetbv = 3,

    /// <summary>INT3 was executed.</summary>
    Breakpoint = 4,

    /// <summary>The guest's agent made the introspection hypercall.</summary>
    Hypercall = 5,

    /// <summary>An access that SET_PAGE_ACCESS forbids.</summary>
    PageFault = 6,

    /// <summary>An exception asked for with INJECT_EXCEPTION was delivered, or displaced by another one.</summary>
    Trap = 7,

    /// <summary>A descriptor-table register (IDTR, GDTR, LDTR, TR) is read or written.</summary>
    Descriptor = 8,

    /// <summary>A vCPU exists from now on.</summary>
    CreateVcpu = 9,

    /// <summary>The answer to PAUSE_VCPU: the vCPU stands still.</summary>
    PauseVcpu = 10,

    /// <summary>One instruction was executed while single-stepping.</summary>
    Singlestep = 11,

    /// <summary>A command failed while command responses were switched off (v7). There is no reply.</summary>
    CommandError = 12,

    /// <summary>CPUID is about to be executed (v7).</summary>
    Cpuid = 13,
}
