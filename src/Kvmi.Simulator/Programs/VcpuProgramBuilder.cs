namespace Kvmi.Simulator.Programs;

/// <summary>
/// The steps of one vCPU's program, in order. Boot always comes first by itself. Each step records in the mailbox what came of it
/// (<see cref="GuestField"/>); a step that an exception cuts short is counted in <see cref="GuestField.StepsAborted"/> and the next one follows.
/// </summary>
public sealed class VcpuProgramBuilder
{
    private const int WordsPerStep = 3;
    private const int MaxSteps = GuestLayout.ProgramSize / (WordsPerStep * 8);
    private readonly List<ulong> _words = [];

    internal VcpuProgramBuilder()
    {
    }

    /// <summary>Number of steps so far; the index that <see cref="Repeat"/> takes.</summary>
    public int StepCount => _words.Count / WordsPerStep;

    /// <summary>Switches to the next process, lets it make one system call and yield, and so on.</summary>
    /// <param name="count">Number of switches.</param>
    public VcpuProgramBuilder ProcessSwitches(int count) => Add(GuestStep.Switches, Positive(count));

    /// <summary>Lets process 0 make system calls, then yield (one more).</summary>
    /// <param name="count">Number of calls before the yield.</param>
    public VcpuProgramBuilder Syscalls(int count) => Add(GuestStep.Syscalls, Positive(count));

    /// <summary>Code in a module points LSTAR to itself: <see cref="GuestField.LstarAfter"/>, <see cref="GuestField.HijackedSyscalls"/>.</summary>
    public VcpuProgramBuilder LstarHijack() => Add(GuestStep.LstarHijack);

    /// <summary>Clears CR4.SMEP: <see cref="GuestField.Cr4After"/>.</summary>
    public VcpuProgramBuilder SmepClear() => Add(GuestStep.ClearCr4, Machine.Model.ControlBits.Cr4Smep);

    /// <summary>Clears CR4.SMAP: <see cref="GuestField.Cr4After"/>.</summary>
    public VcpuProgramBuilder SmapClear() => Add(GuestStep.ClearCr4, Machine.Model.ControlBits.Cr4Smap);

    /// <summary>Clears CR4.UMIP: <see cref="GuestField.Cr4After"/>.</summary>
    public VcpuProgramBuilder UmipClear() => Add(GuestStep.ClearCr4, Machine.Model.ControlBits.Cr4Umip);

    /// <summary>Clears CR0.WP: <see cref="GuestField.Cr0After"/>.</summary>
    public VcpuProgramBuilder WriteProtectClear() => Add(GuestStep.ClearCr0, Machine.Model.ControlBits.Cr0Wp);

    /// <summary>Writes code into <see cref="GuestLayout.PayloadGva"/> and calls it: <see cref="GuestField.PayloadRan"/>.</summary>
    public VcpuProgramBuilder WxViolation() => Add(GuestStep.WxViolation);

    /// <summary>Jumps to user code with kernel privilege: <see cref="GuestField.UserPayloadRan"/>, or #PF while SMEP holds.</summary>
    public VcpuProgramBuilder ReturnToUser() => Add(GuestStep.UserPayload);

    /// <summary>Points the #BP gate to a module and executes INT3: <see cref="GuestField.HijackedGateRan"/>.</summary>
    public VcpuProgramBuilder IdtPatch() => Add(GuestStep.IdtPatch);

    /// <summary>Clears EFER.SCE, so that SYSCALL and SYSRET raise #UD: <see cref="GuestField.EferAfter"/>.</summary>
    public VcpuProgramBuilder SceClear() => RegisterAttack(
        Machine.Model.MsrIndex.Efer, Machine.Model.ControlBits.EferLme | Machine.Model.ControlBits.EferLma | Machine.Model.ControlBits.EferNxe, GuestField.EferAfter);

    /// <summary>Takes IF and AC out of SFMASK, so that system calls start with those of the user: <see cref="GuestField.SfmaskAfter"/>.</summary>
    public VcpuProgramBuilder SfmaskWeaken() => RegisterAttack(Machine.Model.MsrIndex.Sfmask, GuestKernel.WeakSfmask, GuestField.SfmaskAfter);

    /// <summary>Moves the local APIC over ordinary memory: <see cref="GuestField.ApicBaseAfter"/>; #GP in x2APIC mode.</summary>
    public VcpuProgramBuilder ApicMove() => RegisterAttack(Machine.Model.MsrIndex.ApicBase, GuestKernel.MovedApicBase, GuestField.ApicBaseAfter);

    /// <summary>Code in a module points SYSENTER_EIP to itself: <see cref="GuestField.SysenterAfter"/>.</summary>
    public VcpuProgramBuilder SysenterHijack() => Add(GuestStep.SysenterHijack);

    /// <summary>
    /// Code in a module patches the system-call entry: <see cref="GuestField.SyscallEntryAfter"/>, <see cref="GuestField.HijackedSyscalls"/>.
    /// </summary>
    public VcpuProgramBuilder EntryPatch() => Add(GuestStep.EntryPatch);

    /// <summary>Code in a module loads IDTR with a table of its own: <see cref="GuestField.IdtAfter"/>.</summary>
    public VcpuProgramBuilder IdtrLoad() => Add(GuestStep.IdtrLoad);

    /// <summary>Sets CR4.VMXE: <see cref="GuestField.Cr4SetAfter"/>.</summary>
    public VcpuProgramBuilder VmxSwitchOn() => Add(GuestStep.SetCr4, Machine.Model.ControlBits.Cr4Vmxe);

    /// <summary>Executes INT3: <see cref="GuestField.Breakpoints"/> counts the #BP that arrive.</summary>
    /// <param name="count">How often.</param>
    public VcpuProgramBuilder Int3(int count = 1) => Add(GuestStep.Int3, Positive(count));

    /// <summary>Makes the introspection hypercall: <see cref="GuestField.HypercallResult"/>.</summary>
    /// <param name="argument">Goes into RDX.</param>
    public VcpuProgramBuilder Hypercall(ulong argument = 0) => Add(GuestStep.Hypercall, argument);

    /// <summary>SGDT, SIDT, STR, then LGDT, LIDT, LLDT: <see cref="GuestField.StoredGdt"/> and so on.</summary>
    public VcpuProgramBuilder DescriptorLoads() => Add(GuestStep.DescriptorLoads);

    /// <summary>Writes an MSR: <see cref="GuestField.MsrAfter"/>.</summary>
    /// <param name="msr">Its number.</param>
    /// <param name="value">What to write.</param>
    public VcpuProgramBuilder WriteMsr(uint msr, ulong value) => Add(GuestStep.WriteMsr, msr, value);

    /// <summary>Writes XCR0: <see cref="GuestField.Xcr0After"/>.</summary>
    /// <param name="value">What to write.</param>
    public VcpuProgramBuilder Xsetbv(uint value) => Add(GuestStep.Xsetbv, value);

    /// <summary>Executes CPUID: <see cref="GuestField.CpuidResult"/>.</summary>
    /// <param name="function">EAX.</param>
    /// <param name="index">ECX.</param>
    public VcpuProgramBuilder Cpuid(uint function, uint index = 0) => Add(GuestStep.Cpuid, function, index);

    /// <summary>Calls the function that a tool may patch (<see cref="GuestLayout.ProbeGpa"/>): <see cref="GuestField.ProbeResult"/>.</summary>
    public VcpuProgramBuilder CallProbe() => Add(GuestStep.Probe);

    /// <summary>Does nothing for a while: four instructions per round.</summary>
    /// <param name="rounds">How many.</param>
    public VcpuProgramBuilder Delay(int rounds) => Add(GuestStep.Delay, Positive(rounds));

    /// <summary>
    /// Asks for one more vCPU and starts it with INIT and startup IPI: <see cref="GuestField.HotPlugs"/>. It boots and runs the program that
    /// <see cref="GuestProgramBuilder"/> has for its number. Cut short when the machine has all its vCPUs.
    /// </summary>
    public VcpuProgramBuilder HotPlug() => Add(GuestStep.HotPlug);

    /// <summary>Switches to another view of memory with VMFUNC: <see cref="GuestField.ViewSwitches"/>, or #UD for one that is not visible.</summary>
    /// <param name="view">ECX.</param>
    /// <param name="function">EAX; 0 switches views, others are #UD.</param>
    public VcpuProgramBuilder SwitchView(uint view, uint function = 0) => Add(GuestStep.SwitchView, view, function);

    /// <summary>Makes the introspection hypercall from 32-bit user code: <see cref="GuestField.HypercallResult"/>.</summary>
    /// <param name="argument">Goes into EDX.</param>
    public VcpuProgramBuilder GuestRequest32(uint argument = 0) => Add(GuestStep.GuestRequest32, argument);

    /// <summary>
    /// Asks the hypervisor to show a page of another VM (hypercall 32) with the token in <see cref="GuestField.Token"/>:
    /// <see cref="GuestField.HypercallResult"/>.
    /// </summary>
    /// <param name="sourceGpa">The page of the other VM.</param>
    /// <param name="gpa">The page of this one to be replaced.</param>
    public VcpuProgramBuilder MapMemory(ulong sourceGpa, ulong gpa) => Add(GuestStep.MapMemory, sourceGpa, gpa);

    /// <summary>Ends what <see cref="MapMemory"/> began (hypercall 33): <see cref="GuestField.HypercallResult"/>.</summary>
    /// <param name="gpa">The page of this VM.</param>
    public VcpuProgramBuilder UnmapMemory(ulong gpa) => Add(GuestStep.UnmapMemory, gpa);

    /// <summary>Fills a part of the buffer with 0x5A by one REP STOSB.</summary>
    /// <param name="offset">From where, in <see cref="GuestLayout.BufferGva"/>.</param>
    /// <param name="count">Bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">Outside the buffer (also the next two).</exception>
    public VcpuProgramBuilder RepeatedStore(int offset, int count) =>
        Add(GuestStep.RepeatedStore, InBuffer(offset, count), (ulong)count);

    /// <summary>Copies bytes of the buffer to its beginning by one REP MOVSB.</summary>
    /// <param name="offset">From where.</param>
    /// <param name="count">Bytes.</param>
    public VcpuProgramBuilder RepeatedMove(int offset, int count) =>
        Add(GuestStep.RepeatedMove, InBuffer(offset, count), (ulong)count);

    /// <summary>Copies eight bytes of the buffer by one MOVSQ: an instruction that reads one page and writes another.</summary>
    /// <param name="from">From where.</param>
    /// <param name="to">To where.</param>
    public VcpuProgramBuilder MoveWord(int from, int to) =>
        Add(GuestStep.MoveWord, InBuffer(from, sizeof(ulong)), InBuffer(to, sizeof(ulong)));

    /// <summary>
    /// Writes <see cref="GuestField.Barrier"/> and halts, so that whoever runs the machine can hold the vCPU there until all have come.
    /// </summary>
    /// <param name="number">Number of the barrier, 1 and more, rising.</param>
    public VcpuProgramBuilder Barrier(int number) => Add(GuestStep.Barrier, Positive(number));

    /// <summary>Goes back to a step, so that the steps from there to here run several times. Not to be nested.</summary>
    /// <param name="fromStep">Index of the step to go back to, see <see cref="StepCount"/>.</param>
    /// <param name="times">How often the steps run in all; 0 means for ever.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such step before this one.</exception>
    public VcpuProgramBuilder Repeat(int fromStep, int times)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(times);
        ArgumentOutOfRangeException.ThrowIfNegative(fromStep);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(fromStep, StepCount);
        return Add(GuestStep.Repeat, (ulong)times, (ulong)fromStep);
    }

    private VcpuProgramBuilder RegisterAttack(uint msr, ulong value, GuestField field) => Add(GuestStep.RegisterAttack, msr | ((ulong)field << 32), value);

    internal ulong[] ToWords() => [.. _words, (ulong)GuestStep.End, 0, 0];

    private static ulong Positive(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return (ulong)count;
    }

    private static ulong InBuffer(int offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, GuestLayout.BufferSize - offset);
        return GuestLayout.BufferGva + (ulong)offset;
    }

    private VcpuProgramBuilder Add(GuestStep step, ulong first = 0, ulong second = 0)
    {
        if (StepCount >= MaxSteps - 1)
            throw new InvalidOperationException($"A guest program has room for {MaxSteps - 1} steps; use Repeat for more.");
        _words.Add((ulong)step);
        _words.Add(first);
        _words.Add(second);
        return this;
    }
}
