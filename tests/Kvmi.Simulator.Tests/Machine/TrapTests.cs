using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

/// <summary>What ends Run, and what the answers to it do.</summary>
public sealed class TrapTests
{
    [Fact]
    public void Rights_stop_reads_writes_and_fetches_with_their_addresses()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Small + 0x10);
            code.mov(rax, __qword_ptr[rbx]);
            code.mov(__qword_ptr[rbx + 8], rax);
            code.jmp(rbx);
        });
        machine.MapSmall(0, 0x5_0003);
        machine.Put(0x5_0010, 0xF490);
        machine.Restrict(0x5_0000, PageAccess.None);

        ExpectAccess(machine.Run(), BareMachine.Small + 0x10, 0x5_0010, PageAccess.Read);
        machine.Restrict(0x5_0000, PageAccess.Read);
        ExpectAccess(machine.Run(), BareMachine.Small + 0x18, 0x5_0018, PageAccess.Write);
        Assert.Equal(0UL, machine.Get(0x5_0018));
        machine.Restrict(0x5_0000, PageAccess.ReadWrite);
        ExpectAccess(machine.Run(), BareMachine.Small + 0x10, 0x5_0010, PageAccess.Execute);
        Assert.Equal(BareMachine.Small + 0x10, machine.Regs.Rip);
        machine.Restrict(0x5_0000, PageAccess.All);
        machine.RunToHalt();
        Assert.Equal(0xF490UL, machine.Get(0x5_0018));
    }

    [Fact]
    public void Running_again_without_an_answer_gives_the_same_exit()
    {
        var machine = new BareMachine(code => code.mov(__qword_ptr[BareMachine.Data], rax));
        machine.Restrict(BareMachine.Data, PageAccess.ReadExecute);
        var first = machine.Run();
        var second = machine.Run();
        Assert.Equal((first.Kind, first.Gpa, first.Access), (second.Kind, second.Gpa, second.Access));
        Assert.Equal(VcpuExitKind.PageAccess, second.Kind);
    }

    [Fact]
    public void Completing_emulates_one_instruction_and_leaves_the_restriction()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(__qword_ptr[BareMachine.Data], 7);
            code.mov(__qword_ptr[BareMachine.Data], 8);
        });
        machine.Restrict(BareMachine.Data, PageAccess.ReadExecute);
        Assert.Equal(VcpuExitKind.PageAccess, machine.Run().Kind);
        machine.Vcpu.CompletePageAccess();
        Assert.Equal(7UL, machine.Get(BareMachine.Data));
        Assert.Equal(VcpuExitKind.PageAccess, machine.Run().Kind);
        Assert.Equal(7UL, machine.Get(BareMachine.Data));
    }

    [Fact]
    public void An_emulated_read_can_be_shown_other_bytes()
    {
        var machine = new BareMachine(code => code.mov(rax, __qword_ptr[BareMachine.Data]));
        machine.Put(BareMachine.Data, 0x1111_1111_1111_1111);
        machine.Restrict(BareMachine.Data, PageAccess.Execute);
        Assert.Equal(VcpuExitKind.PageAccess, machine.Run().Kind);
        machine.Vcpu.CompletePageAccess(BareMachine.Data + 2, [0xAA, 0xBB]);
        machine.RunToHalt();
        Assert.Equal(0x1111_1111_BBAA_1111UL, machine.Regs.Rax);
    }

    [Fact]
    public void A_skipped_instruction_is_skipped()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(__byte_ptr[BareMachine.Data], 7);
            code.mov(eax, 1);
        });
        machine.Restrict(BareMachine.Data, PageAccess.ReadExecute);
        Assert.Equal(VcpuExitKind.PageAccess, machine.Run().Kind);
        machine.Edit((ref KvmRegs regs) => regs.Rip += 8);
        machine.RunToHalt();
        Assert.Equal(1UL, machine.Regs.Rax);
        Assert.Equal(0UL, machine.Get(BareMachine.Data));
    }

    [Fact]
    public void Page_table_accesses_are_reported_without_a_virtual_address()
    {
        var machine = new BareMachine(code => code.mov(rax, __qword_ptr[BareMachine.Small]));
        machine.MapSmall(0, 0x5_0003);
        machine.Restrict(BareMachine.SmallTable, PageAccess.ReadExecute);
        ExpectAccess(machine.Run(), ulong.MaxValue, BareMachine.SmallTable, PageAccess.Write);
        machine.Vcpu.CompletePageAccess();
        machine.RunToHalt();
        Assert.Equal(0x5_0023UL, machine.Get(BareMachine.SmallTable));
    }

    [Fact]
    public void Rights_have_no_effect_while_the_switch_is_off()
    {
        var machine = new BareMachine(code => code.mov(__qword_ptr[BareMachine.Data], 7));
        machine.Restrict(BareMachine.Data, PageAccess.None);
        machine.Machine.Traps.PageAccess = false;
        machine.RunToHalt();
        Assert.Equal(7UL, machine.Get(BareMachine.Data));
    }

    [Fact]
    public void A_delivery_that_meets_a_restriction_goes_on_after_the_answer()
    {
        var machine = new BareMachine(code => code.ud2());
        machine.Restrict(BareMachine.Idt, PageAccess.None);
        ExpectAccess(machine.Run(), BareMachine.Idt + (6 * 16), BareMachine.Idt + (6 * 16), PageAccess.Read);
        machine.Vcpu.CompletePageAccess();
        Assert.Equal(ExceptionVector.InvalidOpcode, machine.RunToHandler());
        Assert.Equal(BareMachine.Code, machine.StackWord(0));
    }

    [Fact]
    public void Only_changes_of_trapped_registers_are_reported()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rax, cr4);
            code.mov(cr4, rax);
            code.bts(rax, 20);
            code.mov(cr4, rax);
            code.mov(rbx, cr4);
        });
        Assert.True(machine.Vcpu.Traps.TrySetCr(4, true));
        Assert.False(machine.Vcpu.Traps.TrySetCr(2, true));
        var exit = machine.Run();
        Assert.Equal((VcpuExitKind.CrWrite, 4u), (exit.Kind, exit.Number));
        Assert.Equal(exit.OldValue | ControlBits.Cr4Smep, exit.NewValue);
        machine.Vcpu.CompleteCrWrite(exit.OldValue);
        machine.RunToHalt();
        Assert.Equal(exit.OldValue, machine.Regs.Rbx);
    }

    [Fact]
    public void A_value_that_the_CPU_refuses_becomes_a_general_protection_fault()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rax, cr4);
            code.bts(rax, 20);
            code.mov(cr4, rax);
        });
        machine.Vcpu.Traps.TrySetCr(4, true);
        Assert.Equal(VcpuExitKind.CrWrite, machine.Run().Kind);
        machine.Vcpu.CompleteCrWrite(0);
        Assert.Equal(ExceptionVector.GeneralProtection, machine.RunToHandler());
    }

    [Theory]
    [InlineData(0x0U, true)]
    [InlineData(0x1FFFU, true)]
    [InlineData(0x2000U, false)]
    [InlineData(0xBFFF_FFFFU, false)]
    [InlineData(0xC000_0000U, true)]
    [InlineData(0xC000_1FFFU, true)]
    [InlineData(0xC000_2000U, false)]
    public void The_MSR_bitmap_has_two_ranges(uint msr, bool can)
    {
        var traps = new BareMachine().Vcpu.Traps;
        Assert.Equal(can, traps.TrySetMsr(msr, true));
        Assert.Equal(can, traps.GetMsr(msr));
        traps.Clear();
        Assert.False(traps.GetMsr(msr));
    }

    [Fact]
    public void Breakpoints_are_reported_and_given_back()
    {
        var machine = new BareMachine(code => code.int3());
        machine.Vcpu.Traps.Breakpoint = true;
        var exit = machine.Run();
        Assert.Equal((VcpuExitKind.Breakpoint, BareMachine.Code, BareMachine.Code, (byte)1), (exit.Kind, exit.Gva, exit.Gpa, exit.Length));
        machine.Vcpu.CompleteBreakpoint();
        Assert.Equal(ExceptionVector.Breakpoint, machine.RunToHandler());
        Assert.Equal(BareMachine.Code + 1, machine.StackWord(0));
    }

    [Fact]
    public void A_breakpoint_byte_that_is_taken_back_lets_the_instruction_run()
    {
        var machine = new BareMachine(code => code.mov(eax, 5));
        var original = new byte[1];
        machine.Machine.TryReadPhysical(BareMachine.Code, original);
        machine.Machine.TryWritePhysical(BareMachine.Code, [0xCC]);
        machine.Vcpu.Traps.Breakpoint = true;
        Assert.Equal(VcpuExitKind.Breakpoint, machine.Run().Kind);
        machine.Machine.TryWritePhysical(BareMachine.Code, original);
        machine.RunToHalt();
        Assert.Equal(5UL, machine.Regs.Rax);
    }

    [Fact]
    public void Each_step_is_reported_after_it_happened()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(eax, 5);
            code.inc(eax);
        });
        machine.Vcpu.Traps.Singlestep = true;
        Assert.Equal(VcpuExitKind.Singlestep, machine.Run().Kind);
        Assert.Equal(5UL, machine.Regs.Rax);
        Assert.Equal(VcpuExitKind.Singlestep, machine.Run().Kind);
        Assert.Equal(6UL, machine.Regs.Rax);
        machine.RunToHalt();
    }

    [Fact]
    public void Descriptor_cpuid_xsetbv_and_hypercall_exits_carry_their_facts()
    {
        var machine = new BareMachine(code =>
        {
            code.sgdt(__[BareMachine.Data]);
            code.lidt(__[0x7010]);
            code.mov(eax, 7);
            code.xor(ecx, ecx);
            code.cpuid();
            code.mov(rax, cr4);
            code.bts(rax, 18);
            code.mov(cr4, rax);
            code.xor(ecx, ecx);
            code.xor(edx, edx);
            code.mov(eax, 3);
            code.xsetbv();
            code.xsetbv();
            code.vmcall();
        });
        var traps = machine.Vcpu.Traps;
        traps.Descriptor = traps.Cpuid = traps.Xsetbv = traps.Hypercall = true;

        var exit = machine.Run();
        Assert.Equal((VcpuExitKind.Descriptor, DescriptorTable.Gdtr, false), (exit.Kind, exit.Table, exit.IsWrite));
        machine.Vcpu.CompleteDescriptor();
        Assert.Equal(0x37UL, machine.Get(BareMachine.Data) & 0xFFFF);
        exit = machine.Run();
        Assert.Equal((VcpuExitKind.Descriptor, DescriptorTable.Idtr, true), (exit.Kind, exit.Table, exit.IsWrite));
        machine.Vcpu.CompleteDescriptor();
        exit = machine.Run();
        Assert.Equal((VcpuExitKind.Cpuid, 7u, 0u, (byte)2), (exit.Kind, exit.Function, exit.Index, exit.Length));
        machine.Vcpu.CompleteCpuid();
        exit = machine.Run();
        Assert.Equal((VcpuExitKind.XcrWrite, 1UL, 3UL), (exit.Kind, exit.OldValue, exit.NewValue));
        machine.Vcpu.CompleteXcrWrite();
        exit = machine.Run();
        Assert.Equal((VcpuExitKind.Hypercall, (byte)3), (exit.Kind, exit.Length));
        machine.Vcpu.CompleteHypercall(99);
        machine.RunToHalt();
        Assert.Equal(99UL, machine.Regs.Rax);
    }

    [Fact]
    public void An_injected_exception_is_announced_then_delivered()
    {
        var machine = new BareMachine(code => code.mov(eax, 5));
        Assert.True(machine.Vcpu.TryInjectException(ExceptionVector.PageFault, 2, 0x1234));
        Assert.False(machine.Vcpu.TryInjectException(ExceptionVector.InvalidOpcode, 0, 0));
        var exit = machine.Run();
        Assert.Equal((VcpuExitKind.Exception, ExceptionVector.PageFault, 2u, 0x1234UL), (exit.Kind, exit.Vector, exit.ErrorCode, exit.Address));
        Assert.True(exit.WasInjected);
        Assert.Equal(BareMachine.Code, machine.Regs.Rip);
        Assert.False(machine.Vcpu.IsInjectionPending);
        Assert.Equal(ExceptionVector.PageFault, machine.RunToHandler());
        Assert.Equal(2UL, machine.StackWord(0));
        Assert.Equal(0x1234UL, machine.State.Sregs.Cr2);
    }

    [Fact]
    public void A_breakpoint_that_is_given_back_displaces_an_injection()
    {
        var machine = new BareMachine(code => code.int3());
        machine.Vcpu.Traps.Breakpoint = true;
        Assert.Equal(VcpuExitKind.Breakpoint, machine.Run().Kind);
        Assert.True(machine.Vcpu.TryInjectException(ExceptionVector.InvalidOpcode, 0, 0));
        machine.Vcpu.CompleteBreakpoint();
        var exit = machine.Run();
        Assert.Equal((VcpuExitKind.Exception, ExceptionVector.Breakpoint, false), (exit.Kind, exit.Vector, exit.WasInjected));
        Assert.Equal(ExceptionVector.Breakpoint, machine.RunToHandler());
        Assert.Equal(BareMachine.Code + 1, machine.StackWord(0));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(32)]
    [InlineData(255)]
    public void What_is_no_exception_cannot_be_injected(byte vector) =>
        Assert.False(new BareMachine().Vcpu.TryInjectException(vector, 0, 0));

    [Fact]
    public void An_emulated_instruction_can_itself_be_intercepted()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(eax, (uint)BareMachine.Root | 0x18);
            code.mov(cr3, rax);
        });
        machine.Vcpu.Traps.TrySetCr(3, true);
        machine.Restrict(BareMachine.Code, PageAccess.ReadWrite);
        Assert.Equal(VcpuExitKind.PageAccess, machine.Run().Kind);
        machine.Vcpu.CompletePageAccess();
        Assert.Equal(VcpuExitKind.PageAccess, machine.Run().Kind);
        machine.Vcpu.CompletePageAccess();
        var exit = machine.Run();
        Assert.Equal((VcpuExitKind.CrWrite, BareMachine.Root | 0x18), (exit.Kind, exit.NewValue));
        machine.Vcpu.CompleteCrWrite(exit.NewValue);
        Assert.Equal(BareMachine.Root | 0x18, machine.State.Sregs.Cr3);
    }

    [Fact]
    public void Completing_the_wrong_exit_says_which_one_it_was()
    {
        var machine = new BareMachine(code => code.int3());
        machine.Vcpu.Traps.Breakpoint = true;
        machine.Run();
        var error = Assert.Throws<InvalidOperationException>(() => machine.Vcpu.CompleteCrWrite(0));
        Assert.Contains("Breakpoint", error.Message, StringComparison.Ordinal);
        machine.Vcpu.CompleteBreakpoint();
        Assert.Throws<InvalidOperationException>(machine.Vcpu.CompleteBreakpoint);
    }

    [Fact]
    public async Task A_kick_from_another_thread_ends_Run_and_Stop_ends_it_for_good()
    {
        var machine = new BareMachine(code =>
        {
            var again = code.CreateLabel();
            code.Label(ref again);
            code.inc(__qword_ptr[BareMachine.Data]);
            code.jmp(again);
        });
        var running = Task.Run(() => machine.Run(long.MaxValue));
        SpinWait.SpinUntil(() => machine.Get(BareMachine.Data) > 100);
        machine.Vcpu.Kick();
        Assert.Equal(VcpuExitKind.Kicked, (await running).Kind);

        running = Task.Run(() => machine.Run(long.MaxValue));
        machine.Machine.Stop();
        Assert.Equal(VcpuExitKind.Stopped, (await running).Kind);
        Assert.Equal(VcpuExitKind.Stopped, machine.Run().Kind);
    }

    [Fact]
    public void A_kick_before_Run_is_not_lost_and_counts_once()
    {
        var machine = new BareMachine(code => code.nop());
        machine.Vcpu.Kick();
        machine.Vcpu.Kick();
        Assert.Equal(VcpuExitKind.Kicked, machine.Run().Kind);
        machine.RunToHalt();
    }

    private static void ExpectAccess(VcpuExit exit, ulong gva, ulong gpa, PageAccess access) =>
        Assert.Equal((VcpuExitKind.PageAccess, gva, gpa, access), (exit.Kind, exit.Gva, exit.Gpa, exit.Access));
}
