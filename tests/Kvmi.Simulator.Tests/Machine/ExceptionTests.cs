using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

public sealed class ExceptionTests
{
    [Fact]
    public void A_fault_in_user_mode_changes_to_the_kernel_stack_and_back()
    {
        var machine = new BareMachine(code =>
        {
            BareMachine.EnterUser(code);
            code.mov(ecx, 0x1234);
            code.hlt();
        });
        Assert.Equal(ExceptionVector.GeneralProtection, machine.RunToHandler());
        var state = machine.State;
        Assert.Equal(8, state.Sregs.Cs.Selector);
        Assert.Equal(0, state.Sregs.Ss.Selector);
        Assert.Equal(BareMachine.InterruptStack - 48, state.Regs.Rsp);
        Assert.Equal(0UL, machine.StackWord(0));
        Assert.Equal(0x23UL, machine.StackWord(2));
        Assert.Equal(2UL, machine.StackWord(3) & ~0x44UL);
        Assert.Equal(0x3000UL, machine.StackWord(4));
        Assert.Equal(0x1BUL, machine.StackWord(5));
        Assert.Equal(0x1234UL, state.Regs.Rcx);

        // The way back: drop the error code and return behind the HLT, which faults again.
        var rip = machine.StackWord(1);
        machine.Assemble(code =>
        {
            code.add(rsp, 8);
            code.iretq();
        });
        Assert.Equal(ExceptionVector.GeneralProtection, machine.RunToHandler());
        Assert.NotEqual(0UL, rip);
        Assert.Equal(0x23UL, machine.StackWord(2));
    }

    [Fact]
    public void INT3_returns_behind_itself_and_a_fault_to_itself()
    {
        var machine = new BareMachine(code => code.int3());
        Assert.Equal(ExceptionVector.Breakpoint, machine.RunToHandler());
        Assert.Equal(BareMachine.Code + 1, machine.StackWord(0));

        machine.Assemble(code => code.ud2());
        Assert.Equal(ExceptionVector.InvalidOpcode, machine.RunToHandler());
        Assert.Equal(BareMachine.Code, machine.StackWord(0));
    }

    [Fact]
    public void User_mode_may_only_use_gates_that_are_open_to_it()
    {
        var machine = new BareMachine(code =>
        {
            BareMachine.EnterUser(code);
            code.int3();
        });
        var (low, high) = BareMachine.Gate(BareMachine.Handlers + 48, dpl: 0);
        machine.SetGate(3, low, high);
        Assert.Equal(ExceptionVector.GeneralProtection, machine.RunToHandler());
        Assert.Equal((3UL * 8) + 2, machine.StackWord(0));
    }

    [Fact]
    public void A_gate_can_have_a_stack_of_its_own()
    {
        var machine = new BareMachine(code => code.ud2());
        machine.Put(BareMachine.Task + 36 + 8, 0x29_0008);
        var (low, high) = BareMachine.Gate(BareMachine.Handlers + (6 * 16), ist: 2);
        machine.SetGate(6, low, high);
        Assert.Equal(ExceptionVector.InvalidOpcode, machine.RunToHandler());
        Assert.Equal(0x29_0000UL - 40, machine.Regs.Rsp);
    }

    [Fact]
    public void A_missing_handler_is_not_present()
    {
        var machine = new BareMachine(code => code.ud2());
        var (low, high) = BareMachine.Gate(BareMachine.Handlers + (6 * 16));
        machine.SetGate(6, low & ~(1UL << 47), high);
        Assert.Equal(ExceptionVector.SegmentNotPresent, machine.RunToHandler());
        Assert.Equal((6UL * 8) + 3, machine.StackWord(0));
    }

    [Fact]
    public void A_fault_on_the_way_to_the_page_fault_handler_is_a_double_fault()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Small);
            code.mov(rax, __qword_ptr[rbx]);
        });
        machine.SetGate(14, 0, 0);
        Assert.Equal(ExceptionVector.DoubleFault, machine.RunToHandler());
        Assert.Equal(0UL, machine.StackWord(0));
        Assert.Equal(BareMachine.Small, machine.State.Sregs.Cr2);
    }

    [Fact]
    public void A_third_fault_ends_the_machine()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Small + 0x800);
            code.mov(rsp, rbx);
            code.push(rax);
        });
        Assert.Equal(VcpuExitKind.Shutdown, machine.Run().Kind);
    }

    [Theory]
    [InlineData("hlt")]
    [InlineData("cli")]
    [InlineData("rdmsr")]
    [InlineData("cr")]
    [InlineData("lidt")]
    [InlineData("swapgs")]
    [InlineData("sysret")]
    [InlineData("umip")]
    public void User_mode_has_no_privileged_instructions(string which)
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rax, cr4);
            code.bts(rax, 11);
            code.mov(cr4, rax);
            code.mov(ecx, MsrIndex.Efer);
            code.rdmsr();
            code.or(eax, 1);
            code.wrmsr();
            BareMachine.EnterUser(code);
            switch (which)
            {
                case "hlt":
                    code.hlt();
                    break;
                case "cli":
                    code.cli();
                    break;
                case "rdmsr":
                    code.rdmsr();
                    break;
                case "cr":
                    code.mov(rax, cr3);
                    break;
                case "lidt":
                    code.lidt(__[rbx]);
                    break;
                case "swapgs":
                    code.swapgs();
                    break;
                case "sysret":
                    code.sysretq();
                    break;
                default:
                    code.sgdt(__[rsp - 16]);
                    break;
            }
        });
        Assert.Equal(ExceptionVector.GeneralProtection, machine.RunToHandler());
        Assert.Equal(0x23UL, machine.StackWord(2));
    }

    [Theory]
    [InlineData(0, 0x1_8005_0033UL)]
    [InlineData(0, 0x0005_0033UL)]
    [InlineData(0, 0x2000_0000UL | 0x8005_0033UL)]
    [InlineData(3, 0x0100_0000_0000_0000UL)]
    [InlineData(4, 0UL)]
    [InlineData(4, 0x20UL | (1UL << 14))]
    [InlineData(8, 16UL)]
    public void Control_registers_refuse_what_does_not_exist(int number, ulong value)
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rax, value);
            code.mov(number switch { 0 => cr0, 3 => cr3, 4 => cr4, _ => cr8 }, rax);
        });
        var before = machine.State.Sregs;
        Assert.Equal(ExceptionVector.GeneralProtection, machine.RunToHandler());
        Assert.Equal((before.Cr0, before.Cr3, before.Cr4), (machine.State.Sregs.Cr0, machine.State.Sregs.Cr3, machine.State.Sregs.Cr4));
    }

    [Theory]
    [InlineData(MsrIndex.Lstar, 0x0000_8000_0000_0000UL)]
    [InlineData(MsrIndex.Efer, 0UL)]
    [InlineData(MsrIndex.Pat, 2UL)]
    [InlineData(MsrIndex.MiscFeaturesEnables, 2UL)]
    [InlineData(0xC000_1234U, 0UL)]
    public void MSRs_refuse_what_does_not_exist(uint msr, ulong value)
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ecx, msr);
            code.mov(eax, (uint)value);
            code.mov(edx, (uint)(value >> 32));
            code.wrmsr();
        });
        Assert.Equal(ExceptionVector.GeneralProtection, machine.RunToHandler());
        Assert.False(machine.Vcpu.TrySetMsr(msr, value));
    }

    [Fact]
    public void An_address_that_is_not_canonical_is_a_general_protection_fault_or_a_stack_fault()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rbx, 0x8000_0000_0000_0000);
            code.mov(rax, __qword_ptr[rbx]);
        });
        Assert.Equal(ExceptionVector.GeneralProtection, machine.RunToHandler());
        machine.Assemble(code =>
        {
            code.mov(rbp, 0x8000_0000_0000_0000);
            code.mov(rax, __qword_ptr[rbp]);
        });
        Assert.Equal(ExceptionVector.StackFault, machine.RunToHandler());
    }

    [Fact]
    public void Reserved_flags_cannot_be_set_from_outside()
    {
        var machine = new BareMachine();
        machine.Edit((ref KvmRegs regs) => regs.Rflags = ulong.MaxValue);
        Assert.Equal(Flags.Writable | Flags.Fixed, machine.Regs.Rflags);
    }
}
