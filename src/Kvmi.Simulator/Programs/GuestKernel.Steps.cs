using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Programs;

/// <content>The routines of the steps.</content>
internal sealed partial class GuestKernel
{
    private void Begin(GuestStep step) => _text.Label(ref _steps[(int)step]);

    private void End() => _text.jmp(_finish);

    private void WriteRegisterSteps()
    {
        var code = _text;
        Begin(GuestStep.ClearCr4);
        code.not(r14);
        code.mov(rax, cr4);
        code.and(rax, r14);
        code.mov(cr4, rax);
        code.mov(rax, cr4);
        code.mov(Field(GuestField.Cr4After), rax);
        End();

        Begin(GuestStep.ClearCr0);
        code.not(r14);
        code.mov(rax, cr0);
        code.and(rax, r14);
        code.mov(cr0, rax);
        code.mov(rax, cr0);
        code.mov(Field(GuestField.Cr0After), rax);
        End();

        Begin(GuestStep.WriteMsr);
        code.mov(ecx, r14d);
        code.mov(eax, r13d);
        code.mov(rdx, r13);
        code.shr(rdx, 32);
        code.wrmsr();
        code.rdmsr();
        code.shl(rdx, 32);
        code.or(rax, rdx);
        code.mov(Field(GuestField.MsrAfter), rax);
        End();

        Begin(GuestStep.Xsetbv);
        code.xor(ecx, ecx);
        code.xor(edx, edx);
        code.mov(eax, r14d);
        code.xsetbv();
        code.xgetbv();
        code.mov(Field(GuestField.Xcr0After), rax);
        End();
    }

    private void WriteProcessSteps()
    {
        var code = _text;
        var inRange = code.CreateLabel();
        Begin(GuestStep.Switches);
        code.test(r14, r14);
        code.jz(_finish);
        code.mov(rax, Field(GuestField.CurrentProcess));
        code.inc(rax);
        code.cmp(rax, Field(GuestField.ProcessCount));
        code.jb(inRange);
        code.xor(eax, eax);
        code.Label(ref inRange);
        code.mov(Field(GuestField.CurrentProcess), rax);
        code.mov(rax, __qword_ptr.gs[(rax * 8) + ((int)GuestField.Roots * 8)]);
        code.inc(Field(GuestField.Switches));
        code.mov(cr3, rax);
        code.mov(rax, cr3);
        code.mov(Field(GuestField.Cr3After), rax);
        code.mov(ebx, 1);
        code.call(_runUser);
        code.dec(r14);
        code.jmp(_steps[(int)GuestStep.Switches]);

        Begin(GuestStep.Syscalls);
        WriteProcessZero();
        code.mov(ebx, r14d);
        code.call(_runUser);
        End();

        Begin(GuestStep.UserPayload);
        WriteProcessZero();
        code.mov(rax, GuestLayout.UserPayloadGva);
        code.call(rax);
        End();

        // EBX: system calls to make before the yield that comes back behind the CALL.
        code.Label(ref _runUser);
        code.mov(rcx, GuestLayout.UserGva);
        code.Label(ref _runUserAt);
        code.mov(Field(GuestField.KernelRsp), rsp);
        code.mov(r11d, 0x202);
        code.mov(rsp, GuestLayout.UserRsp);
        code.swapgs();
        code.sysretq();
        code.Label(ref _userReturn);
        code.mov(rsp, Field(GuestField.KernelRsp));
        code.ret();
    }

    /// <summary>Makes the user half there: a step may come before the first process switch.</summary>
    private void WriteProcessZero()
    {
        _text.mov(rax, Field(GuestField.Roots));
        _text.mov(cr3, rax);
    }

    private void WriteAttackSteps()
    {
        var code = _text;
        Begin(GuestStep.LstarHijack);
        code.mov(rax, GuestLayout.RootkitGva);
        code.jmp(rax);

        Begin(GuestStep.WxViolation);
        var payload = PayloadBytes();
        code.mov(rdi, GuestLayout.PayloadGva);
        for (var at = 0; at < payload.Length; at += 8)
        {
            code.mov(rax, BitConverter.ToUInt64(payload, at));
            code.mov(__qword_ptr[rdi + at], rax);
        }

        code.call(rdi);
        End();

        // The rootkit's second entry, see WriteRootkit.
        Begin(GuestStep.IdtPatch);
        code.mov(rax, GuestLayout.RootkitGva + RootkitIdtOffset);
        code.jmp(rax);
    }

    private void WriteRegisterAttacks()
    {
        // R14: number of the MSR, above it the field for what it holds afterwards. R13: the value.
        var code = _text;
        Begin(GuestStep.RegisterAttack);
        code.mov(ecx, r14d);
        code.shr(r14, 32);
        code.mov(eax, r13d);
        code.mov(rdx, r13);
        code.shr(rdx, 32);
        code.wrmsr();
        code.rdmsr();
        code.shl(rdx, 32);
        code.or(rax, rdx);
        code.mov(__qword_ptr.gs[r14 * 8], rax);
        End();

        Begin(GuestStep.SetCr4);
        code.mov(rax, cr4);
        code.or(rax, r14);
        code.mov(cr4, rax);
        code.mov(rax, cr4);
        code.mov(Field(GuestField.Cr4SetAfter), rax);
        End();

        JumpToRootkit(GuestStep.SysenterHijack, RootkitSysenterOffset);
        JumpToRootkit(GuestStep.EntryPatch, RootkitEntryOffset);
        JumpToRootkit(GuestStep.IdtrLoad, RootkitTableOffset);
    }

    private void JumpToRootkit(GuestStep step, int offset)
    {
        Begin(step);
        _text.mov(rax, GuestLayout.RootkitGva + (ulong)offset);
        _text.jmp(rax);
    }

    private void WriteOtherSteps()
    {
        var code = _text;
        Begin(GuestStep.Int3);
        code.test(r14, r14);
        code.jz(_finish);
        code.int3();
        code.dec(r14);
        code.jmp(_steps[(int)GuestStep.Int3]);

        // The introspection hypercall (kvmi-later-dialects.md 3.8, HYPERCALL) with an argument of the program's.
        Begin(GuestStep.Hypercall);
        code.mov(eax, 34);
        code.mov(edi, 24);
        code.xor(esi, esi);
        code.mov(rdx, r14);
        code.vmcall();
        code.mov(Field(GuestField.HypercallResult), rax);
        End();

        Begin(GuestStep.DescriptorLoads);
        code.sgdt(__.gs[(long)GuestField.StoredGdt * 8]);
        code.sidt(__.gs[(long)GuestField.StoredIdt * 8]);
        code.str(eax);
        code.mov(Field(GuestField.StoredTr), rax);
        code.lgdt(__.gs[(long)GuestField.GdtPointer * 8]);
        code.lidt(__.gs[(long)GuestField.IdtPointer * 8]);
        code.xor(eax, eax);
        code.lldt(ax);
        End();

        Begin(GuestStep.Cpuid);
        code.mov(eax, r14d);
        code.mov(ecx, r13d);
        code.cpuid();
        code.mov(Field(GuestField.CpuidResult), rax);
        End();

        Begin(GuestStep.Probe);
        code.mov(rax, GuestLayout.ProbeGva);
        code.call(rax);
        code.mov(Field(GuestField.ProbeResult), rax);
        End();

        // Whoever runs the guest lets the halted vCPU go on when the barrier opens.
        Begin(GuestStep.Barrier);
        code.mov(Field(GuestField.Barrier), r14);
        code.hlt();
        End();

        Begin(GuestStep.Delay);
        code.test(r14, r14);
        code.jz(_finish);
        code.pause();
        code.dec(r14);
        code.jmp(_steps[(int)GuestStep.Delay]);
    }

    /// <summary>What the W^X violation writes: it counts itself and returns. Padded to whole words.</summary>
    private static byte[] PayloadBytes()
    {
        var code = new Assembler(64);
        code.inc(Field(GuestField.PayloadRan));
        code.ret();
        var bytes = Assemble(code, GuestLayout.PayloadGva).Bytes;
        Array.Resize(ref bytes, (bytes.Length + 7) & ~7);
        return bytes;
    }
}
