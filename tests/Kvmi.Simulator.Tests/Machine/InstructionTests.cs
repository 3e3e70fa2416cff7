using Iced.Intel;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

public sealed class InstructionTests
{
    [Fact]
    public void Narrow_writes_keep_or_clear_the_rest_as_the_size_says()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rax, ulong.MaxValue);
            code.mov(rbx, rax);
            code.mov(rcx, rax);
            code.mov(rdx, rax);
            code.mov(al, 1);
            code.mov(bh, 2);
            code.mov(cx, 3);
            code.mov(edx, 4);
        });
        machine.RunToHalt();
        Assert.Equal(0xFFFF_FFFF_FFFF_FF01, machine.Regs.Rax);
        Assert.Equal(0xFFFF_FFFF_FFFF_02FF, machine.Regs.Rbx);
        Assert.Equal(0xFFFF_FFFF_FFFF_0003, machine.Regs.Rcx);
        Assert.Equal(4UL, machine.Regs.Rdx);
    }

    [Fact]
    public void Extensions_and_addresses()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rbx, BareMachine.Data);
            code.mov(__dword_ptr[rbx + 8], 0x8000_0080);
            code.mov(ecx, 2);
            code.movzx(eax, __byte_ptr[rbx + (rcx * 4)]);
            code.movsx(rdx, __byte_ptr[rbx + (rcx * 4)]);
            code.movsxd(rsi, __dword_ptr[rbx + (rcx * 4)]);
            code.lea(rdi, __[rbx + (rcx * 8) - 1]);
            code.lea(ebp, __[rbx - 0x40_0001]);
        });
        machine.RunToHalt();
        Assert.Equal(0x80UL, machine.Regs.Rax);
        Assert.Equal(0xFFFF_FFFF_FFFF_FF80, machine.Regs.Rdx);
        Assert.Equal(0xFFFF_FFFF_8000_0080, machine.Regs.Rsi);
        Assert.Equal(BareMachine.Data + 15, machine.Regs.Rdi);
        Assert.Equal(0xFFFF_FFFFUL, machine.Regs.Rbp);
    }

    [Fact]
    public void The_stack_works_and_leave_unwinds_it()
    {
        var machine = new BareMachine(code =>
        {
            var function = code.CreateLabel();
            var over = code.CreateLabel();
            code.mov(ebx, 5);
            code.push(rbx);
            code.call(function);
            code.pop(rcx);
            code.jmp(over);
            code.Label(ref function);
            code.push(rbp);
            code.mov(rbp, rsp);
            code.sub(rsp, 64);
            code.mov(rdx, __qword_ptr[rbp + 16]);
            code.leave();
            code.ret();
            code.Label(ref over);
        });
        machine.RunToHalt();
        Assert.Equal(5UL, machine.Regs.Rcx);
        Assert.Equal(5UL, machine.Regs.Rdx);
        Assert.Equal(BareMachine.Stack, machine.Regs.Rsp);
    }

    [Fact]
    public void Rep_strings_fill_and_copy()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(edi, (uint)BareMachine.Data);
            code.mov(ecx, 5000);
            code.mov(eax, 0xAB);
            code.rep.stosb();
            code.mov(esi, (uint)BareMachine.Data);
            code.mov(edi, (uint)BareMachine.Data + 0x2000);
            code.mov(ecx, 625);
            code.rep.movsq();
        });
        machine.RunToHalt();
        Span<byte> copied = stackalloc byte[5001];
        machine.Machine.TryReadPhysical(BareMachine.Data + 0x2000, copied);
        Assert.Equal(5000, copied.IndexOfAnyExcept((byte)0xAB));
        Assert.Equal(0UL, machine.Regs.Rcx);
        Assert.Equal(BareMachine.Data + 0x2000 + 5000, machine.Regs.Rdi);
    }

    [Fact]
    public void Exchange_and_compare_exchange()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Data);
            code.mov(__qword_ptr[rbx], 7);
            code.mov(ecx, 9);
            code.xchg(__qword_ptr[rbx], rcx);
            code.mov(eax, 1);
            code.mov(edx, 11);
            code.@lock.cmpxchg(__qword_ptr[rbx], rdx);
            code.setz(sil);
            code.@lock.cmpxchg(__qword_ptr[rbx], rdx);
            code.setz(dil);
        });
        machine.RunToHalt();
        Assert.Equal(7UL, machine.Regs.Rcx);
        Assert.Equal(9UL, machine.Regs.Rax);
        Assert.Equal(11UL, machine.Get(BareMachine.Data));
        Assert.Equal(0UL, machine.Regs.Rsi & 0xFF);
        Assert.Equal(1UL, machine.Regs.Rdi & 0xFF);
    }

    [Fact]
    public void Bit_tests_and_conditional_moves()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(eax, 0b1000);
            code.btr(rax, 3);
            code.setc(bl);
            code.bts(rax, 5);
            code.mov(rcx, ulong.MaxValue);
            code.mov(edx, 1);
            code.test(edx, edx);
            code.cmovz(ecx, edx);
            code.mov(rsi, ulong.MaxValue);
            code.cmovnz(rsi, rdx);
        });
        machine.RunToHalt();
        Assert.Equal(0b10_0000UL, machine.Regs.Rax);
        Assert.Equal(1UL, machine.Regs.Rbx & 0xFF);

        // A 32-bit conditional move clears the upper half also when it does not happen.
        Assert.Equal(0xFFFF_FFFFUL, machine.Regs.Rcx);
        Assert.Equal(1UL, machine.Regs.Rsi);
    }

    [Fact]
    public void Code_across_a_page_border_is_fetched_from_both_pages()
    {
        var machine = new BareMachine();
        var at = BareMachine.Code + 0xFFC;
        machine.Machine.TryWritePhysical(at, [0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8, 0xF4]);
        machine.Edit((ref KvmRegs regs) => regs.Rip = at);
        machine.RunToHalt();
        Assert.Equal(0x0807_0605_0403_0201UL, machine.Regs.Rax);

        // The second page alone is patched.
        machine.Machine.TryWritePhysical(at + 9, [0x99]);
        machine.Edit((ref KvmRegs regs) => regs.Rip = at);
        machine.RunToHalt();
        Assert.Equal(0x9907_0605_0403_0201UL, machine.Regs.Rax);
    }

    [Fact]
    public void Code_that_patches_itself_runs_patched()
    {
        var machine = new BareMachine(code =>
        {
            var patched = code.CreateLabel();
            code.mov(ecx, 2);
            code.xor(ebx, ebx);
            code.Label(ref patched);
            code.nop();
            code.add(ebx, 1);
            code.mov(__byte_ptr[patched], 0xF4);
            code.dec(ecx);
            code.jnz(patched);
        });
        machine.RunToHalt();
        Assert.Equal(1UL, machine.Regs.Rbx);
        Assert.Equal(1UL, machine.Regs.Rcx);
    }

    [Theory]
    [InlineData(new byte[] { 0x0F, 0x0B })]
    [InlineData(new byte[] { 0x0F, 0x58, 0xC1 })]
    [InlineData(new byte[] { 0xD9, 0xC0 })]
    [InlineData(new byte[] { 0x06 })]
    [InlineData(new byte[] { 0x66, 0x50 })]
    [InlineData(new byte[] { 0x0F, 0x01, 0xD9 })]
    public void What_the_model_does_not_know_is_an_invalid_opcode(byte[] code)
    {
        var machine = new BareMachine();
        machine.Load(code);
        Assert.Equal(ExceptionVector.InvalidOpcode, machine.RunToHandler());
        Assert.Equal(BareMachine.Code, machine.StackWord(0));
    }

    [Fact]
    public void CPUID_names_vendor_hypervisor_and_features()
    {
        var machine = new BareMachine(code =>
        {
            code.xor(eax, eax);
            code.cpuid();
        });
        machine.RunToHalt();
        Assert.Equal(0x756E_6547UL, machine.Regs.Rbx);
        Assert.True(machine.Vcpu.TryGetCpuid(7, 0, out var features));
        Assert.Equal((1u << 0) | (1u << 7) | (1u << 20), features.Ebx);
        Assert.True(machine.Vcpu.TryGetCpuid(0x4000_0000, 0, out var hypervisor));
        Assert.Equal(0x4B4D_564BU, hypervisor.Ebx);
        Assert.False(machine.Vcpu.TryGetCpuid(0x5000_0000, 0, out _));
    }

    [Fact]
    public void A_million_instructions_allocate_nothing()
    {
        var machine = new BareMachine(code =>
        {
            var again = code.CreateLabel();
            code.mov(ebx, (uint)BareMachine.Data);
            code.Label(ref again);
            code.mov(__qword_ptr[rbx], rcx);
            code.add(rax, __qword_ptr[rbx]);
            code.push(rax);
            code.pop(rdx);
            code.inc(rcx);
            code.jmp(again);
        });
        Assert.Equal(VcpuExitKind.Budget, machine.Run(10_000).Kind);

        // What the model allocates, it allocates in every round; what the runtime allocates on this thread when it replaces the code of a
        // running loop (statics of a type seen for the first time), it allocates once, in whichever round that happens.
        var least = long.MaxValue;
        for (var round = 0; round < 5 && least > 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var exit = machine.Run(1_000_000);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal(VcpuExitKind.Budget, exit.Kind);
        }

        Assert.Equal(0, least);
    }
}
