using System.Buffers.Binary;
using Iced.Intel;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Programs;

/// <content>Code outside the main text: the system-call entry, a rootkit in the module area, user programs.</content>
internal sealed partial class GuestKernel
{
    // Entries of the rootkit behind the one that hijacks LSTAR.
    private const int RootkitIdtOffset = 0x100;
    private const int RootkitSysenterOffset = 0x200;
    private const int RootkitEntryOffset = 0x300;
    private const int RootkitTableOffset = 0x400;
    private const int RootkitSize = 0x500;

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

    private static byte[] WriteRootkit(ulong next, ulong patchedEntry)
    {
        var all = new byte[RootkitSize];
        WriteLstarHijack(next).CopyTo(all, 0);
        WriteIdtPatch(next).CopyTo(all, RootkitIdtOffset);
        WriteSysenterHijack(next).CopyTo(all, RootkitSysenterOffset);
        WriteEntryPatch(next, patchedEntry).CopyTo(all, RootkitEntryOffset);
        WriteIdtrLoad(next).CopyTo(all, RootkitTableOffset);
        return all;
    }

    private static byte[] WriteLstarHijack(ulong next)
    {
        var code = new Assembler(64);
        WriteMsr(code, MsrIndex.Lstar, GuestLayout.HijackedEntryGva);
        ReadMsr(code, MsrIndex.Lstar);
        code.mov(Field(GuestField.LstarAfter), rax);
        Leave(code, next);
        return Assemble(code, GuestLayout.RootkitGva).Bytes;
    }

    /// <summary>Rewrites the #BP gate as a kernel rootkit does, in one 8-byte store per half, then uses it.</summary>
    private static byte[] WriteIdtPatch(ulong next)
    {
        var code = new Assembler(64);
        var (low, high) = MakeGate(GuestLayout.HijackedGateGva, 0);
        code.mov(rbx, __qword_ptr.gs[((long)GuestField.IdtPointer * 8) + 2]);
        code.mov(rax, low);
        code.mov(__qword_ptr[rbx + (ExceptionVector.Breakpoint * 16)], rax);
        code.mov(rax, high);
        code.mov(__qword_ptr[rbx + (ExceptionVector.Breakpoint * 16) + 8], rax);
        code.int3();
        Leave(code, next);
        return Assemble(code, GuestLayout.RootkitGva + RootkitIdtOffset).Bytes;
    }

    /// <summary>A driver sets SYSENTER_EIP, as the kernel of a 32-bit guest would at boot, then moves it into itself.</summary>
    private static byte[] WriteSysenterHijack(ulong next)
    {
        var code = new Assembler(64);
        WriteMsr(code, MsrIndex.SysenterEip, GuestLayout.SysenterEntryGva);
        WriteMsr(code, MsrIndex.SysenterEip, GuestLayout.HijackedEntryGva);
        ReadMsr(code, MsrIndex.SysenterEip);
        code.mov(Field(GuestField.SysenterAfter), rax);
        Leave(code, next);
        return Assemble(code, GuestLayout.RootkitGva + RootkitSysenterOffset).Bytes;
    }

    /// <summary>Puts a jump over the beginning of the system-call entry, through the writable direct map of the read-only page.</summary>
    private static byte[] WriteEntryPatch(ulong next, ulong patchedEntry)
    {
        var code = new Assembler(64);
        code.mov(rbx, GuestLayout.DirectMap + GuestLayout.SyscallEntryGpa);
        code.mov(rax, patchedEntry);
        code.mov(__qword_ptr[rbx], rax);
        code.mov(rax, __qword_ptr[rbx]);
        code.mov(Field(GuestField.SyscallEntryAfter), rax);
        Leave(code, next);
        return Assemble(code, GuestLayout.RootkitGva + RootkitEntryOffset).Bytes;
    }

    /// <summary>Copies the interrupt descriptor table and loads IDTR with the copy. #GP at the load ends the step.</summary>
    private static byte[] WriteIdtrLoad(ulong next)
    {
        const int Limit = 0x1FF;
        const ulong Pointer = unchecked(GuestLayout.MovedIdtGva << 16) | Limit;
        var code = new Assembler(64);
        code.mov(rsi, __qword_ptr.gs[((long)GuestField.IdtPointer * 8) + 2]);
        code.mov(Field(GuestField.IdtAfter), rsi);
        code.mov(rdi, GuestLayout.MovedIdtGva);
        code.mov(ecx, Limit + 1);
        code.rep.movsb();
        code.sub(rsp, 16);
        code.mov(rax, Pointer);
        code.mov(__qword_ptr[rsp], rax);
        code.mov(rax, GuestLayout.MovedIdtGva >> 48);
        code.mov(__qword_ptr[rsp + 8], rax);
        code.lidt(__[rsp]);
        code.sidt(__[rsp]);
        code.mov(rax, __qword_ptr[rsp + 2]);
        code.add(rsp, 16);
        code.mov(Field(GuestField.IdtAfter), rax);
        Leave(code, next);
        return Assemble(code, GuestLayout.RootkitGva + RootkitTableOffset).Bytes;
    }

    private static void Leave(Assembler code, ulong next)
    {
        code.inc(Field(GuestField.StepsDone));
        code.mov(rax, next);
        code.jmp(rax);
    }

    /// <summary>
    /// The hook of the system-call entry, and the eight bytes that lead to it: a near jump, then what was there. The jump covers the beginning of
    /// the first two instructions, which the hook carries out itself.
    /// </summary>
    private static (byte[] Hook, ulong PatchedEntry) WriteEntryHook(byte[] entry)
    {
        const byte JumpNear = 0xE9;
        const int JumpLength = 5;
        var covered = new Assembler(64);
        covered.swapgs();
        covered.mov(Field(GuestField.UserRsp), rsp);
        var length = (ulong)Assemble(covered, GuestLayout.SyscallEntryGva).Bytes.Length;

        var code = new Assembler(64);
        code.swapgs();
        code.inc(Field(GuestField.HijackedSyscalls));
        code.mov(Field(GuestField.UserRsp), rsp);
        code.jmp(GuestLayout.SyscallEntryGva + length);

        var patched = entry.AsSpan(0, sizeof(ulong)).ToArray();
        patched[0] = JumpNear;
        BinaryPrimitives.WriteInt32LittleEndian(patched.AsSpan(1), (int)(long)(GuestLayout.EntryHookGva - GuestLayout.SyscallEntryGva - JumpLength));
        return (Assemble(code, GuestLayout.EntryHookGva).Bytes, BinaryPrimitives.ReadUInt64LittleEndian(patched));
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
