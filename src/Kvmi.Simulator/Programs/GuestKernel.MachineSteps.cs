using Iced.Intel;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Programs;

/// <content>Steps that concern the machine itself: more vCPUs, views, memory of others, and hypercalls from 32-bit code.</content>
internal sealed partial class GuestKernel
{
    private const ushort NarrowUserCode = 0x23;
    private const ushort WideUserCode = 0x33;
    private const uint X2ApicEnable = 0xC00;
    private const uint InitCommand = 0x4500;
    private const uint StartupCommand = 0x4600;
    private const int PageShift = 12;
    private const int DataBlockShift = 16;
    private const int MapHypercall = 32;
    private const int UnmapHypercall = 33;
    private const int RequestHypercall = 34;
    private const int RequestArgument = 24;

    private void WriteMachineSteps()
    {
        WriteHotPlug();
        WriteHypercalls();
        var code = _text;
        Begin(GuestStep.SwitchView);
        code.mov(eax, r13d);
        code.mov(ecx, r14d);
        code.vmfunc();
        code.inc(Field(GuestField.ViewSwitches));
        End();
    }

    private void WriteHotPlug()
    {
        // R12: the number of the new vCPU, which is the count of before.
        var code = _text;
        Begin(GuestStep.HotPlug);
        code.mov(edx, ModelMachine.PlugPort);
        code.@in(eax, dx);
        code.mov(r12d, eax);
        code.@out(dx, eax);
        code.@in(eax, dx);
        code.cmp(eax, r12d);
        code.je(_recover);

        // The page that the startup IPI names: RIP, RSP, CR3, RDI (ModelVcpu.Startup).
        code.mov(rdi, GuestLayout.KernelOffset + GuestLayout.StartPages);
        code.mov(rax, r12);
        code.shl(rax, PageShift);
        code.add(rdi, rax);
        code.mov(rax, GuestLayout.TextGva);
        code.mov(__qword_ptr[rdi], rax);
        code.mov(rcx, r12);
        code.shl(rcx, DataBlockShift);
        code.mov(rax, GuestLayout.MailboxGva(0) + GuestLayout.KernelStackTop);
        code.add(rax, rcx);
        code.mov(__qword_ptr[rdi + 8], rax);
        code.mov(rax, GuestLayout.BootRoot);
        code.mov(__qword_ptr[rdi + 16], rax);
        code.mov(__qword_ptr[rdi + 24], r12);

        code.mov(ecx, MsrIndex.ApicBase);
        code.rdmsr();
        code.or(eax, X2ApicEnable);
        code.wrmsr();
        code.mov(ecx, MsrIndex.X2ApicCommand);
        code.mov(edx, r12d);
        code.mov(eax, InitCommand);
        code.wrmsr();
        code.mov(eax, r12d);
        code.add(eax, (int)(StartupCommand + (GuestLayout.StartPages >> PageShift)));
        code.wrmsr();
        code.inc(Field(GuestField.HotPlugs));
        End();
    }

    private void WriteHypercalls()
    {
        // KVM's registers: number in RAX, arguments in RBX, RCX, RDX. The token is in the mailbox.
        var code = _text;
        Begin(GuestStep.MapMemory);
        code.mov(rbx, Field(GuestField.ProgramStart));
        code.sub(rbx, (int)GuestLayout.ProgramOffset - ((int)GuestField.Token * 8));
        code.mov(rcx, r14);
        code.mov(rdx, r13);
        code.mov(eax, MapHypercall);
        code.vmcall();
        code.mov(Field(GuestField.HypercallResult), rax);
        End();

        Begin(GuestStep.UnmapMemory);
        code.mov(rbx, r14);
        code.mov(eax, UnmapHypercall);
        code.vmcall();
        code.mov(Field(GuestField.HypercallResult), rax);
        End();

        Begin(GuestStep.GuestRequest32);
        WriteProcessZero();
        code.mov(rcx, GuestLayout.NarrowEntryGva);
        code.mov(rdx, r14);
        code.call(_runUserAt);
        code.mov(Field(GuestField.HypercallResult), r12);
        End();
    }

    private static (byte[] Entry, byte[] Code, byte[] Return) WriteNarrowUser()
    {
        var code = new Assembler(64);
        var pointer = code.CreateLabel();
        code.jmp(__fword_ptr[pointer]);
        code.Label(ref pointer);
        code.dd((uint)GuestLayout.NarrowCodeGva);
        code.dw(NarrowUserCode);
        var entry = Assemble(code, GuestLayout.NarrowEntryGva).Bytes;

        // The introspection hypercall with the registers of 32-bit code (kvmi-rfc-v5.md 6.1).
        code = new Assembler(32);
        code.mov(eax, RequestHypercall);
        code.mov(ebx, RequestArgument);
        code.xor(ecx, ecx);
        code.vmcall();
        code.jmp(WideUserCode, (uint)GuestLayout.NarrowReturnGva);
        var narrow = Assemble(code, GuestLayout.NarrowCodeGva).Bytes;

        code = new Assembler(64);
        code.mov(r12, rax);
        code.xor(eax, eax);
        code.syscall();
        return (entry, narrow, Assemble(code, GuestLayout.NarrowReturnGva).Bytes);
    }

    private void WriteDataSteps()
    {
        const int Fill = 0x5A;
        var code = _text;
        Begin(GuestStep.RepeatedStore);
        code.mov(rdi, r14);
        code.mov(rcx, r13);
        code.mov(eax, Fill);
        code.rep.stosb();
        End();

        Begin(GuestStep.RepeatedMove);
        code.mov(rsi, r14);
        code.mov(rcx, r13);
        code.mov(rdi, GuestLayout.BufferGva);
        code.rep.movsb();
        End();

        Begin(GuestStep.MoveWord);
        code.mov(rsi, r14);
        code.mov(rdi, r13);
        code.movsq();
        End();
    }
}
