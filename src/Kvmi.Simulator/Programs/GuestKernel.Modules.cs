using Iced.Intel;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Programs;

/// <content>Code outside the main text: the system-call entry, a rootkit in the module area, user programs.</content>
internal sealed partial class GuestKernel
{
    private const int RootkitIdtOffset = 0x100;

    private static byte[] WriteSyscallEntry(ulong userReturn)
    {
        var code = new Assembler(64);
        var yield = code.CreateLabel();
        code.swapgs();
        code.mov(Field(GuestField.UserRsp), rsp);
        code.mov(rsp, Field(GuestField.KernelRsp));
        code.inc(Field(GuestField.Syscalls));
        code.test(eax, eax);
        code.jz(yield);
        code.mov(rsp, Field(GuestField.UserRsp));
        code.swapgs();
        code.sysretq();
        code.Label(ref yield);
        code.mov(rax, userReturn);
        code.jmp(rax);
        return Assemble(code, GuestLayout.SyscallEntryGva).Bytes;
    }

    private static byte[] WriteHijackedEntry()
    {
        var code = new Assembler(64);
        code.swapgs();
        code.inc(Field(GuestField.HijackedSyscalls));
        code.swapgs();

        // User registers are still live: the way on may not change one.
        code.jmp(GuestLayout.SyscallEntryGva);
        return Assemble(code, GuestLayout.HijackedEntryGva).Bytes;
    }

    private static byte[] WriteRootkit(ulong next)
    {
        var code = new Assembler(64);
        WriteMsr(code, MsrIndex.Lstar, GuestLayout.HijackedEntryGva);
        ReadMsr(code, MsrIndex.Lstar);
        code.mov(Field(GuestField.LstarAfter), rax);
        code.inc(Field(GuestField.StepsDone));
        code.mov(rax, next);
        code.jmp(rax);
        var hijack = Assemble(code, GuestLayout.RootkitGva).Bytes;

        // Second entry: rewrite the #BP gate as a kernel rootkit does, in one 8-byte store per half, then use it.
        code = new Assembler(64);
        var (low, high) = MakeGate(GuestLayout.HijackedGateGva, 0);
        code.mov(rbx, __qword_ptr.gs[((long)GuestField.IdtPointer * 8) + 2]);
        code.mov(rax, low);
        code.mov(__qword_ptr[rbx + (ExceptionVector.Breakpoint * 16)], rax);
        code.mov(rax, high);
        code.mov(__qword_ptr[rbx + (ExceptionVector.Breakpoint * 16) + 8], rax);
        code.int3();
        code.inc(Field(GuestField.StepsDone));
        code.mov(rax, next);
        code.jmp(rax);
        var patch = Assemble(code, GuestLayout.RootkitGva + RootkitIdtOffset).Bytes;

        var both = new byte[RootkitIdtOffset + patch.Length];
        hijack.CopyTo(both, 0);
        patch.CopyTo(both, RootkitIdtOffset);
        return both;
    }

    private static byte[] WriteHijackedGate()
    {
        var code = new Assembler(64);
        code.inc(Field(GuestField.HijackedGateRan));
        code.iretq();
        return Assemble(code, GuestLayout.HijackedGateGva).Bytes;
    }

    private static byte[] WriteProbe()
    {
        var code = new Assembler(64);
        code.mov(eax, 1);
        code.ret();
        return Assemble(code, GuestLayout.ProbeGva).Bytes;
    }

    private static (byte[] Program, byte[] Payload) WriteUser()
    {
        var code = new Assembler(64);
        var again = code.CreateLabel();
        var yield = code.CreateLabel();
        code.Label(ref again);
        code.test(ebx, ebx);
        code.jz(yield);
        code.mov(eax, 39);
        code.syscall();
        code.dec(ebx);
        code.jmp(again);
        code.Label(ref yield);
        code.xor(eax, eax);
        code.syscall();
        var program = Assemble(code, GuestLayout.UserGva).Bytes;

        code = new Assembler(64);
        code.inc(Field(GuestField.UserPayloadRan));
        code.ret();
        return (program, Assemble(code, GuestLayout.UserPayloadGva).Bytes);
    }

    /// <summary>An interrupt gate of the kernel's code segment, callable by INT3 from user mode as well.</summary>
    public static (ulong Low, ulong High) MakeGate(ulong handler, int ist)
    {
        const ulong PresentInterruptGate = 0xEEUL << 40;
        var low = (handler & 0xFFFF) | ((ulong)KernelCode << 16) | ((ulong)ist << 32) | PresentInterruptGate | ((handler & 0xFFFF_0000) << 32);
        return (low, handler >> 32);
    }
}
