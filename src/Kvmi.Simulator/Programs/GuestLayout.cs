namespace Kvmi.Simulator.Programs;

/// <summary>
/// Where things are in the model guest. Physical memory, from below: kernel text and modules (0x1000000 to 0x1200000, what the wx-guard
/// sample watches), the entry text with the system-call entry, one 64 KiB block of data per vCPU, page tables, user pages.
/// </summary>
/// <remarks>
/// Virtual: the kernel half maps physical memory from 0xFFFFFFFF80000000 on in 2 MiB pages, modules again from 0xFFFFFFFFC0A00000 on in
/// 4 KiB pages, all memory from 0xFFFF888000000000 on (the direct map, never executable); the boot root also has the identity mapping.
/// Process roots have their user pages in the lower half instead.
/// </remarks>
public static class GuestLayout
{
    /// <summary>Most vCPUs that a guest program can have.</summary>
    public const int MaxVcpus = 16;

    /// <summary>Least memory that the guest needs.</summary>
    public const ulong MinMemorySize = 128UL << 20;

    /// <summary>Difference between a kernel-half address and its physical address.</summary>
    public const ulong KernelOffset = 0xFFFF_FFFF_8000_0000;

    /// <summary>Start of the direct map of physical memory.</summary>
    public const ulong DirectMap = 0xFFFF_8880_0000_0000;

    /// <summary>Physical address of kernel text.</summary>
    public const ulong TextGpa = 0x100_0000;

    /// <summary>Virtual address of kernel text; the boot entry of every vCPU is its first byte.</summary>
    public const ulong TextGva = KernelOffset + TextGpa;

    /// <summary>First physical address after kernel text and modules.</summary>
    public const ulong TextEndGpa = 0x120_0000;

    /// <summary>Physical address of the module area, inside the text range.</summary>
    public const ulong ModuleGpa = 0x110_0000;

    /// <summary>Virtual address of the module area.</summary>
    public const ulong ModuleGva = 0xFFFF_FFFF_C0A0_0000;

    /// <summary>Bytes of the module area.</summary>
    public const ulong ModuleSize = 0x10_0000;

    /// <summary>Where a hijacked LSTAR points.</summary>
    public const ulong HijackedEntryGva = ModuleGva + 0x1000;

    /// <summary>Where the code that hijacks LSTAR and the IDT starts.</summary>
    public const ulong RootkitGva = ModuleGva + 0x1200;

    /// <summary>Where a hijacked IDT gate points.</summary>
    public const ulong HijackedGateGva = ModuleGva + 0x1800;

    /// <summary>Where a patched system-call entry jumps to.</summary>
    public const ulong EntryHookGva = ModuleGva + 0x1900;

    /// <summary>A function for tools to patch: it returns 1 in EAX, the immediate operand is its second byte.</summary>
    public const ulong ProbeGva = ModuleGva + 0x2000;

    /// <summary>Physical address of the probe function.</summary>
    public const ulong ProbeGpa = ModuleGpa + 0x2000;

    /// <summary>The page that the W^X violation writes and runs, in the kernel half.</summary>
    public const ulong PayloadGva = KernelOffset + PayloadGpa;

    /// <summary>Physical address of the page that the W^X violation writes and runs.</summary>
    public const ulong PayloadGpa = 0x110_5000;

    /// <summary>What boot writes into LSTAR.</summary>
    public const ulong SyscallEntryGva = KernelOffset + SyscallEntryGpa;

    /// <summary>Physical address of the system-call entry.</summary>
    public const ulong SyscallEntryGpa = 0x1E0_0080;

    /// <summary>Number of processes, each with a CR3 root of its own.</summary>
    public const int ProcessCount = 6;

    /// <summary>CR3 at boot.</summary>
    public const ulong BootRoot = 0x300_0000;

    /// <summary>User code of a process.</summary>
    public const ulong UserGva = 0x40_0000;

    /// <summary>User code that a ret2usr attack jumps to.</summary>
    public const ulong UserPayloadGva = UserGva + 0x800;

    /// <summary>A part of memory for the steps that move data; the guest uses it for nothing else.</summary>
    public const ulong BufferGpa = 0x600_0000;

    /// <summary>Virtual address of <see cref="BufferGpa"/>.</summary>
    public const ulong BufferGva = KernelOffset + BufferGpa;

    /// <summary>Bytes of the buffer.</summary>
    public const int BufferSize = 0x10_0000;

    /// <summary>Where a startup IPI finds the start of vCPU n: page n from here on.</summary>
    internal const ulong StartPages = 0x1_0000;

    /// <summary>Where an attack puts its copy of the interrupt descriptor table.</summary>
    internal const ulong MovedIdtGva = BufferGva + 0x8_0000;

    /// <summary>Where the guest points SYSENTER_EIP before an attack moves it.</summary>
    internal const ulong SysenterEntryGva = SyscallEntryGva + 0x400;

    // In the user page, behind the program and the payload.
    internal const ulong NarrowEntryGva = UserGva + 0xA00;
    internal const ulong NarrowCodeGva = UserGva + 0xB00;
    internal const ulong NarrowReturnGva = UserGva + 0xC00;

    internal const ulong EntryTextGpa = 0x1E0_0000;
    internal const ulong DataGpa = 0x200_0000;
    internal const ulong DataBlock = 0x1_0000;
    internal const ulong UserGpa = 0x400_0000;
    internal const ulong UserRsp = 0x7FFF_FFFF_F000;

    // Inside a data block.
    internal const ulong TablesOffset = 0x1000;
    internal const ulong TaskOffset = 0x1800;
    internal const ulong IdtOffset = 0x2000;
    internal const ulong ProgramOffset = 0x3000;
    internal const ulong ExceptionStackTop = 0x8000;
    internal const ulong KernelStackTop = 0xC000;
    internal const int ProgramSize = 0x1000;

    internal const ulong KernelPdpt = 0x300_3000;
    internal const ulong KernelPd = 0x300_4000;
    internal const ulong ModulePd = 0x300_5000;
    internal const ulong ModulePt = 0x300_6000;
    internal const ulong DirectPdpt = 0x300_1000;
    internal const ulong DirectPd = 0x300_2000;

    /// <summary>Physical address of the mailbox page of a vCPU (<see cref="GuestField"/>).</summary>
    /// <param name="vcpu">Number of the vCPU.</param>
    public static ulong MailboxGpa(int vcpu) => DataGpa + ((ulong)vcpu * DataBlock);

    /// <summary>Physical address of the interrupt descriptor table of a vCPU.</summary>
    /// <param name="vcpu">Number of the vCPU.</param>
    public static ulong IdtGpa(int vcpu) => MailboxGpa(vcpu) + IdtOffset;

    /// <summary>CR3 of a process.</summary>
    /// <param name="process">0 to <see cref="ProcessCount"/> - 1.</param>
    public static ulong ProcessRoot(int process) => 0x301_0000 + ((ulong)process * 0x1_0000);

    internal static ulong MailboxGva(int vcpu) => KernelOffset + MailboxGpa(vcpu);
}
