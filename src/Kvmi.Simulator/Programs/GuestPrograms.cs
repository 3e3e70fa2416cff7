namespace Kvmi.Simulator.Programs;

/// <summary>The building blocks by the names that scenario files use.</summary>
public static class GuestPrograms
{
    private static readonly Dictionary<string, Block> Blocks = new(StringComparer.Ordinal)
    {
        ["boot"] = new("nothing more than the boot that every program starts with", (_, _) => { }),
        ["process-switches"] = new("switches processes (CR3), each of which makes a system call", (program, count) => program.ProcessSwitches(count)),
        ["syscalls"] = new("makes system calls", (program, count) => program.Syscalls(count)),
        ["lstar-hijack"] = new("attack: a module points LSTAR, the entry of system calls, to itself", (program, _) => program.LstarHijack()),
        ["smep-clear"] = new("attack: clears CR4.SMEP", (program, _) => program.SmepClear()),
        ["smap-clear"] = new("attack: clears CR4.SMAP", (program, _) => program.SmapClear()),
        ["umip-clear"] = new("attack: clears CR4.UMIP", (program, _) => program.UmipClear()),
        ["wp-clear"] = new("attack: clears CR0.WP", (program, _) => program.WriteProtectClear()),
        ["wx-violation"] = new("attack: writes code into a kernel page and runs it", (program, _) => program.WxViolation()),
        ["ret2usr"] = new("attack: the kernel jumps to user code", (program, _) => program.ReturnToUser()),
        ["idt-patch"] = new("attack: points the gate of #BP to a module and raises it", (program, _) => program.IdtPatch()),
        ["idtr-load"] = new("attack: a module loads IDTR with a table of its own", (program, _) => program.IdtrLoad()),
        ["entry-patch"] = new("attack: a module puts a jump to itself over the entry of system calls", (program, _) => program.EntryPatch()),
        ["sysenter-hijack"] = new("attack: a module points SYSENTER_EIP to itself", (program, _) => program.SysenterHijack()),
        ["sfmask-weaken"] = new("attack: takes IF and AC out of SFMASK", (program, _) => program.SfmaskWeaken()),
        ["sce-clear"] = new("attack: clears EFER.SCE, so that SYSCALL and SYSRET raise #UD", (program, _) => program.SceClear()),
        ["apic-move"] = new("attack: moves the local APIC over ordinary memory", (program, _) => program.ApicMove()),
        ["vmx-on"] = new("attack: sets CR4.VMXE, as a hypervisor in the guest does", (program, _) => program.VmxSwitchOn()),
        ["int3"] = new("executes INT3", (program, count) => program.Int3(count)),
        ["hypercall"] = new("makes the hypercall of an introspection agent", (program, count) => program.Hypercall((ulong)count)),
        ["descriptor-loads"] = new("stores and loads GDTR, IDTR, TR and LDTR", (program, _) => program.DescriptorLoads()),
        ["xsetbv"] = new("writes XCR0", (program, _) => program.Xsetbv(3)),
        ["cpuid"] = new("executes CPUID", (program, count) => program.Cpuid((uint)count)),
        ["probe"] = new("calls the function that a tool may patch", (program, _) => program.CallProbe()),
        ["hot-plug"] = new("plugs one more vCPU in and starts it; that one switches processes", (program, _) => program.HotPlug()),
        ["vmfunc"] = new("switches to view 1 of memory with VMFUNC, if the tool made it visible", (program, count) => program.SwitchView((uint)count)),
        ["guest-request-32"] = new("makes the hypercall of an introspection agent from 32-bit user code", (program, count) => program.GuestRequest32((uint)count)),
        ["rep-store"] = new("fills a stretch of two pages by one REP STOSB", (program, _) => program.RepeatedStore(0x800, 0x1000)),
        ["rep-move"] = new("copies a stretch of two pages by one REP MOVSB", (program, _) => program.RepeatedMove(0x1800, 0x1000)),
        ["two-pages"] = new("reads one page and writes another in one instruction", (program, _) => program.MoveWord(0x1000, 0x3000)),
        ["delay"] = new("does nothing for a while: four instructions for each repetition", (program, count) => program.Delay(count)),
    };

    /// <summary>All of them with what they do, in alphabetical order.</summary>
    public static IReadOnlyList<CatalogueEntry> All { get; } =
        [.. Blocks.OrderBy(block => block.Key, StringComparer.Ordinal).Select(block => new CatalogueEntry(block.Key, block.Value.Description))];

    /// <summary>All names, in alphabetical order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(entry => entry.Name)];

    /// <summary>Adds a block to a vCPU's program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="count">
    /// How often, for the blocks that count; the hypercall's argument; the CPUID function; the view for VMFUNC. Not negative.
    /// </param>
    /// <returns>False when there is no block of this name.</returns>
    public static bool TryAdd(VcpuProgramBuilder program, string name, int count = 1)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (!Blocks.TryGetValue(name, out var block)) return false;
        block.Add(program, count);
        return true;
    }

    /// <summary>
    /// The default guest: process switches with system calls on every vCPU; then vCPU 0 hijacks LSTAR, runs freshly written kernel code and
    /// clears SMEP, and all go on switching.
    /// </summary>
    /// <param name="vcpuCount">1 to <see cref="GuestLayout.MaxVcpus"/>.</param>
    public static GuestProgramBuilder Default(int vcpuCount = 2)
    {
        var guest = new GuestProgramBuilder(vcpuCount).OnEach(program => program.ProcessSwitches(12));
        guest[0].LstarHijack().Syscalls(3).WxViolation().SmepClear();
        return guest.OnEach(program => program.ProcessSwitches(12));
    }

    private sealed record Block(string Description, Action<VcpuProgramBuilder, int> Add);
}
