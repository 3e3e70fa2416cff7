namespace Kvmi.Simulator.Programs;

/// <summary>
/// The 64-bit fields of a vCPU's mailbox page, by index: field n is at <see cref="GuestLayout.MailboxGpa"/> + 8 n. The guest
/// reaches them through GS; after a run they tell what really happened in the guest.
/// </summary>
public enum GuestField
{
    /// <summary>1 once this vCPU has booted.</summary>
    Booted = 0,

    /// <summary>1 once the program has come to its end.</summary>
    Done = 1,

    /// <summary>1 when an exception came where nobody could recover; the vCPU halts then.</summary>
    Panic = 2,

    /// <summary>Steps of the program that an exception cut short.</summary>
    StepsAborted = 3,

    /// <summary>CR3 writes tried.</summary>
    Switches = 4,

    /// <summary>System calls that reached the kernel's own entry.</summary>
    Syscalls = 5,

    /// <summary>System calls that went through the hijacked entry first.</summary>
    HijackedSyscalls = 6,

    /// <summary>LSTAR as read back after the hijack.</summary>
    LstarAfter = 7,

    /// <summary>CR0 as read back after clearing bits of it.</summary>
    Cr0After = 8,

    /// <summary>CR4 as read back after clearing bits of it.</summary>
    Cr4After = 9,

    /// <summary>CR3 as read back after the last switch.</summary>
    Cr3After = 10,

    /// <summary>Times the payload in a freshly written kernel page has run.</summary>
    PayloadRan = 11,

    /// <summary>Times user code has run with kernel privilege (ret2usr).</summary>
    UserPayloadRan = 12,

    /// <summary>Times the hijacked IDT gate was entered.</summary>
    HijackedGateRan = 13,

    /// <summary>RAX after the last hypercall; EAX if 32-bit code made it.</summary>
    HypercallResult = 14,

    /// <summary>MSR as read back after the last MSR write step.</summary>
    MsrAfter = 15,

    /// <summary>XCR0 as read back after the last XSETBV.</summary>
    Xcr0After = 16,

    /// <summary>What the probe function returned last.</summary>
    ProbeResult = 17,

    /// <summary>EAX of the last CPUID step.</summary>
    CpuidResult = 18,

    /// <summary>vCPUs that this vCPU asked for and started.</summary>
    HotPlugs = 19,

    /// <summary>Limit and low base bits that SGDT stored last.</summary>
    StoredGdt = 20,

    /// <summary>Limit and low base bits that SIDT stored last.</summary>
    StoredIdt = 22,

    /// <summary>The task register selector that STR gave last.</summary>
    StoredTr = 24,

    /// <summary>VMFUNCs that came back.</summary>
    ViewSwitches = 23,

    /// <summary>Steps that ran to their end.</summary>
    StepsDone = 25,

    /// <summary>Exceptions that user code raised.</summary>
    UserFaults = 26,

    /// <summary>Vector of the last exception.</summary>
    LastVector = 27,

    /// <summary>Error code of the last exception.</summary>
    LastErrorCode = 28,

    /// <summary>CR2 at the last exception.</summary>
    LastCr2 = 29,

    /// <summary>RIP that the last exception interrupted.</summary>
    LastRip = 30,

    /// <summary>First of 32 counters, one per exception vector.</summary>
    Exceptions = 32,

    /// <summary>The counter of #BP.</summary>
    Breakpoints = Exceptions + 3,

    /// <summary>The counter of #UD.</summary>
    InvalidOpcodes = Exceptions + 6,

    /// <summary>The counter of #GP.</summary>
    GeneralProtections = Exceptions + 13,

    /// <summary>The counter of #PF.</summary>
    PageFaults = Exceptions + 14,

    /// <summary>
    /// First of four fields that a tool or a test fills before the guest runs: the token for <see cref="VcpuProgramBuilder.MapMemory"/>.
    /// </summary>
    Token = 76,

    /// <summary>Internal: where an exception continues.</summary>
    Fixup = 64,

    /// <summary>Internal: stack pointer for <see cref="Fixup"/>.</summary>
    FixupRsp = 65,

    /// <summary>Internal: kernel stack pointer while user code runs.</summary>
    KernelRsp = 66,

    /// <summary>Internal: user stack pointer while the kernel runs.</summary>
    UserRsp = 67,

    /// <summary>Internal: the process that runs now.</summary>
    CurrentProcess = 68,

    /// <summary>Internal: number of processes.</summary>
    ProcessCount = 69,

    /// <summary>Internal: operand of LGDT, two fields.</summary>
    GdtPointer = 70,

    /// <summary>Internal: operand of LIDT, two fields.</summary>
    IdtPointer = 72,

    /// <summary>Internal: address of the program.</summary>
    ProgramStart = 74,

    /// <summary>EFER as read back after an attack on it.</summary>
    EferAfter = 80,

    /// <summary>SFMASK as read back after an attack on it.</summary>
    SfmaskAfter = 81,

    /// <summary>SYSENTER_EIP as read back after an attack on it.</summary>
    SysenterAfter = 82,

    /// <summary>APIC_BASE as read back after an attack on it.</summary>
    ApicBaseAfter = 83,

    /// <summary>The first eight bytes of the system-call entry after an attack on them.</summary>
    SyscallEntryAfter = 84,

    /// <summary>Base of the interrupt descriptor table after an attack on IDTR; the one of before when the load was refused.</summary>
    IdtAfter = 85,

    /// <summary>CR4 as read back after setting bits of it.</summary>
    Cr4SetAfter = 86,

    /// <summary>Number of the barrier at which this vCPU waits or that it has passed last; 0: none.</summary>
    Barrier = 90,

    /// <summary>Internal: first of the CR3 roots of the processes.</summary>
    Roots = 96,
}
