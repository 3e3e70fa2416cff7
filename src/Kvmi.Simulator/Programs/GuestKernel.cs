using Iced.Intel;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Programs;

/// <summary>
/// The guest's own code, assembled once: boot, exception handlers, the loop that reads a program's steps, the routines of the steps.
/// Register use: R15 next step, R14 and R13 operands of the current one.
/// </summary>
internal sealed partial class GuestKernel
{
    private const int StepSize = 24;
    private const ushort KernelCode = 0x10;
    private const ushort KernelData = 0x18;
    private const ushort TaskSelector = 0x40;
    private const ulong Star = (0x23UL << 48) | (0x10UL << 32);
    private const uint Sfmask = 0x4_7700;
    private const uint InterruptAndAlignment = 0x4_0200;
    private const int ExceptionCount = 32;

    private readonly Assembler _text = new(64);
    private readonly Label[] _steps = new Label[(int)GuestStep.Count];
    private readonly Label[] _stubs = new Label[ExceptionCount];
    private Label _next;
    private Label _finish;
    private Label _recover;
    private Label _runUser;
    private Label _runUserAt;
    private Label _userReturn;

    public GuestKernel()
    {
        for (var step = 0; step < _steps.Length; step++) _steps[step] = _text.CreateLabel();
        for (var vector = 0; vector < _stubs.Length; vector++) _stubs[vector] = _text.CreateLabel();
        _next = _text.CreateLabel();
        _finish = _text.CreateLabel();
        _recover = _text.CreateLabel();
        _runUser = _text.CreateLabel();
        _runUserAt = _text.CreateLabel();
        _userReturn = _text.CreateLabel();

        WriteBoot();
        WriteLoop();
        WriteRegisterSteps();
        WriteProcessSteps();
        WriteAttackSteps();
        WriteRegisterAttacks();
        WriteOtherSteps();
        WriteMachineSteps();
        WriteDataSteps();
        WriteExceptions();

        // The step table needs the addresses of the routines, so the text is laid out before it is known.
        var (bytes, labels) = Assemble(_text, GuestLayout.TextGva);
        StepTable = Array.ConvertAll(_steps, label => labels.GetLabelRIP(label));
        ExceptionEntries = Array.ConvertAll(_stubs, label => labels.GetLabelRIP(label));
        Text = bytes;
        var next = labels.GetLabelRIP(_next);
        Entry = WriteSyscallEntry(labels.GetLabelRIP(_userReturn));
        HijackedEntry = WriteHijackedEntry();
        (EntryHook, var patchedEntry) = WriteEntryHook(Entry);
        Rootkit = WriteRootkit(next, patchedEntry);
        HijackedGate = WriteHijackedGate();
        Probe = WriteProbe();
        (User, UserPayload) = WriteUser();
        (NarrowEntry, NarrowCode, NarrowReturn) = WriteNarrowUser();
    }

    /// <summary>Address of the step table, in kernel text behind the code.</summary>
    public const ulong StepTableGva = GuestLayout.TextGva + 0x8000;

    /// <summary>What boot writes into SFMASK.</summary>
    public const ulong FullSfmask = Sfmask;

    /// <summary>The same without IF and AC.</summary>
    public const ulong WeakSfmask = Sfmask & ~InterruptAndAlignment;

    /// <summary>Base address in ordinary memory, APIC on, boot processor.</summary>
    public const ulong MovedApicBase = 0x10_0900;

    /// <summary>The one copy: it never changes.</summary>
    public static GuestKernel Instance { get; } = new();

    public byte[] Text { get; }

    public ulong[] StepTable { get; }

    public ulong[] ExceptionEntries { get; }

    public byte[] Entry { get; }

    public byte[] HijackedEntry { get; }

    public byte[] Rootkit { get; }

    public byte[] HijackedGate { get; }

    /// <summary>Where a patched system-call entry goes: it counts the call, does what the patch covers, and goes back.</summary>
    public byte[] EntryHook { get; }

    public byte[] Probe { get; }

    public byte[] User { get; }

    public byte[] UserPayload { get; }

    /// <summary>64-bit user code that goes over to <see cref="NarrowCode"/>.</summary>
    public byte[] NarrowEntry { get; }

    /// <summary>32-bit user code that makes the introspection hypercall.</summary>
    public byte[] NarrowCode { get; }

    /// <summary>64-bit user code that comes after it and yields, the result in R12.</summary>
    public byte[] NarrowReturn { get; }

    private static AssemblerMemoryOperand Field(GuestField field) => __qword_ptr.gs[(long)field * 8];

    private static (byte[] Bytes, AssemblerResult Labels) Assemble(Assembler code, ulong address)
    {
        using var stream = new MemoryStream();
        var labels = code.Assemble(new StreamCodeWriter(stream), address, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return (stream.ToArray(), labels);
    }

    private static void WriteMsr(Assembler code, uint msr, ulong value)
    {
        code.mov(ecx, msr);
        code.mov(eax, (uint)value);
        code.mov(edx, (uint)(value >> 32));
        code.wrmsr();
    }

    private static void ReadMsr(Assembler code, uint msr)
    {
        code.mov(ecx, msr);
        code.rdmsr();
        code.shl(rdx, 32);
        code.or(rax, rdx);
    }

    /// <summary>From the boot loader: 64-bit mode, flat segments, paging on the boot root, RDI the number of the vCPU, RSP its stack.</summary>
    private void WriteBoot()
    {
        var code = _text;
        var reloaded = code.CreateLabel();
        code.cli();
        code.cld();
        code.mov(rbx, GuestLayout.MailboxGva(0));
        code.shl(rdi, 16);
        code.add(rbx, rdi);
        code.lgdt(__[rbx + ((int)GuestField.GdtPointer * 8)]);

        // A far return to itself: IRET loads the kernel's own code segment.
        code.mov(rax, rsp);
        code.push(KernelData);
        code.push(rax);
        code.pushfq();
        code.push(KernelCode);
        code.lea(rax, __[reloaded]);
        code.push(rax);
        code.iretq();
        code.Label(ref reloaded);
        code.xor(eax, eax);
        code.mov(ds, eax);
        code.mov(es, eax);
        code.mov(fs, eax);
        code.mov(gs, eax);
        code.mov(eax, TaskSelector);
        code.ltr(ax);
        code.lidt(__[rbx + ((int)GuestField.IdtPointer * 8)]);

        code.mov(rdx, rbx);
        code.shr(rdx, 32);
        code.mov(eax, ebx);
        code.mov(ecx, MsrIndex.GsBase);
        code.wrmsr();
        WriteMsr(code, MsrIndex.KernelGsBase, 0);
        WriteMsr(code, MsrIndex.Efer, ControlBits.EferSce | ControlBits.EferLme | ControlBits.EferLma | ControlBits.EferNxe);
        WriteMsr(code, MsrIndex.Star, Star);
        WriteMsr(code, MsrIndex.Lstar, GuestLayout.SyscallEntryGva);
        WriteMsr(code, MsrIndex.Sfmask, Sfmask);

        const ulong Protections = ControlBits.Cr4Smep | ControlBits.Cr4Smap | ControlBits.Cr4Umip | ControlBits.Cr4Osxsave;
        code.mov(rax, cr4);
        code.or(rax, (int)Protections);
        code.mov(cr4, rax);
        code.mov(rax, cr0);
        code.or(rax, (int)ControlBits.Cr0Wp);
        code.mov(cr0, rax);
        code.mov(Field(GuestField.Booted), 1);
        code.mov(r15, Field(GuestField.ProgramStart));
        code.jmp(_next);
    }

    private void WriteLoop()
    {
        var code = _text;
        var halt = code.CreateLabel();

        // Whatever goes wrong in a step continues behind it.
        code.Label(ref _recover);
        code.inc(Field(GuestField.StepsAborted));
        code.jmp(_next);

        code.Label(ref _finish);
        code.inc(Field(GuestField.StepsDone));

        code.Label(ref _next);
        code.lea(rax, __[_recover]);
        code.mov(Field(GuestField.Fixup), rax);
        code.mov(Field(GuestField.FixupRsp), rsp);
        code.mov(rax, __[r15]);
        code.mov(r14, __[r15 + 8]);
        code.mov(r13, __[r15 + 16]);
        code.add(r15, StepSize);
        code.cmp(rax, (int)GuestStep.Count);
        code.jae(_steps[0]);
        code.mov(rcx, StepTableGva);
        code.jmp(__qword_ptr[rcx + (rax * 8)]);

        code.Label(ref _steps[(int)GuestStep.End]);
        code.mov(Field(GuestField.Done), 1);
        code.Label(ref halt);
        code.hlt();
        code.jmp(halt);

        code.Label(ref _steps[(int)GuestStep.Repeat]);
        code.dec(r14);
        code.mov(__qword_ptr[r15 - 16], r14);
        code.jz(_finish);
        code.lea(r13, __[r13 + (r13 * 2)]);
        code.shl(r13, 3);
        code.add(r13, Field(GuestField.ProgramStart));
        code.mov(r15, r13);
        code.jmp(_finish);
    }

    private void WriteExceptions()
    {
        var code = _text;
        var common = code.CreateLabel();
        var isKernelGs = code.CreateLabel();
        var isKernel = code.CreateLabel();
        var panic = code.CreateLabel();
        var halt = code.CreateLabel();
        var back = code.CreateLabel();
        var leave = code.CreateLabel();
        for (var vector = 0; vector < ExceptionCount; vector++)
        {
            code.Label(ref _stubs[vector]);
            if (!ExceptionVector.HasErrorCode((byte)vector)) code.push(0);
            code.push(vector);
            code.jmp(common);
        }

        // Frame: RDX 0, RCX 8, RAX 16, R8 24, vector 32, error 40, RIP 48, CS 56, RFLAGS 64, RSP 72, SS 80. R8: GS was swapped.
        code.Label(ref common);
        code.push(r8);
        code.push(rax);
        code.push(rcx);
        code.push(rdx);
        code.xor(r8d, r8d);

        // The interrupted code may be anywhere between SYSCALL and SWAPGS: only the GS base itself tells whose it is.
        code.mov(ecx, MsrIndex.GsBase);
        code.rdmsr();
        code.test(edx, edx);
        code.js(isKernelGs);
        code.swapgs();
        code.inc(r8d);
        code.Label(ref isKernelGs);
        code.mov(rcx, __qword_ptr[rsp + 32]);
        code.inc(__qword_ptr.gs[(rcx * 8) + ((int)GuestField.Exceptions * 8)]);
        code.mov(Field(GuestField.LastVector), rcx);
        code.mov(rax, __qword_ptr[rsp + 40]);
        code.mov(Field(GuestField.LastErrorCode), rax);
        code.mov(rax, __qword_ptr[rsp + 48]);
        code.mov(Field(GuestField.LastRip), rax);
        code.mov(rax, cr2);
        code.mov(Field(GuestField.LastCr2), rax);
        code.cmp(rcx, ExceptionVector.Breakpoint);
        code.je(back);
        code.test(__byte_ptr[rsp + 56], 3);
        code.jz(isKernel);

        // User code that faults loses its turn.
        code.inc(Field(GuestField.UserFaults));
        code.mov(rsp, Field(GuestField.KernelRsp));
        code.jmp(_userReturn);

        code.Label(ref isKernel);
        code.mov(rax, Field(GuestField.Fixup));
        code.test(rax, rax);
        code.jz(panic);
        code.mov(__qword_ptr[rsp + 48], rax);
        code.mov(rax, Field(GuestField.FixupRsp));
        code.mov(__qword_ptr[rsp + 72], rax);
        code.jmp(leave);

        code.Label(ref back);
        code.test(r8d, r8d);
        code.jz(leave);
        code.swapgs();
        code.Label(ref leave);
        code.pop(rdx);
        code.pop(rcx);
        code.pop(rax);
        code.pop(r8);
        code.add(rsp, 16);
        code.iretq();

        code.Label(ref panic);
        code.mov(Field(GuestField.Panic), 1);
        code.Label(ref halt);
        code.hlt();
        code.jmp(halt);
    }
}
