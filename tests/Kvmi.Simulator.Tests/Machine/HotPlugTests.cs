using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

/// <summary>A vCPU that is plugged in waits for INIT and a startup IPI of the guest (Intel SDM volume 3, 9.4).</summary>
public sealed class HotPlugTests
{
    private const ulong Init = 0x4500;
    private const ulong Startup = 0x4600;
    private const ulong EnableX2Apic = 0xFEE0_0D00;
    private const byte StartPage = 0x50;
    private const ulong Answer = 0x7100;

    [Fact]
    public void A_plugged_vcpu_is_counted_announced_and_not_initialised()
    {
        var machine = new ModelMachine(new ModelMachineOptions { VcpuCount = 2, MaxVcpus = 3 });
        var announced = new List<int>();
        machine.VcpuAdded += announced.Add;

        Assert.True(machine.TryAddVcpu(out var index));
        Assert.Equal(2, index);
        Assert.Equal(3, machine.VcpuCount);
        Assert.Equal([2], announced);
        Assert.False(machine.GetVcpu(2).IsInitialized);
        Assert.True(machine.GetVcpu(1).IsInitialized);
        Assert.False(machine.TryAddVcpu(out _));
    }

    [Fact]
    public void It_shows_the_registers_of_power_up_and_takes_no_exception()
    {
        var bare = new BareMachine();
        bare.Machine.TryAddVcpu(out var index);
        var vcpu = bare.Machine.GetVcpu(index);

        vcpu.GetState(out var state);
        Assert.Equal(2, state.Mode);
        Assert.Equal(0xFFF0UL, state.Regs.Rip);
        Assert.Equal(2UL, state.Regs.Rflags);
        Assert.Equal(0x6000_0010UL, state.Sregs.Cr0);
        Assert.Equal(0UL, state.Sregs.Efer);
        Assert.Equal((ushort)0xF000, state.Sregs.Cs.Selector);
        Assert.Equal(0xFFFF_0000UL, state.Sregs.Cs.Base);
        Assert.Equal((ushort)0xFFFF, state.Sregs.Idt.Limit);
        Assert.Equal(0xFEE0_0800UL, state.Sregs.ApicBase);
        Assert.False(vcpu.TryInjectException(6, 0, 0));
        Assert.True(vcpu.TryTranslate(0x1234, out var gpa));
        Assert.Equal(0x1234UL, gpa);
    }

    [Fact]
    public void Without_a_start_only_a_kick_or_the_end_brings_it_back()
    {
        var machine = new ModelMachine(new ModelMachineOptions { VcpuCount = 1 });
        machine.TryAddVcpu(out var index);
        var vcpu = machine.GetVcpu(index);

        vcpu.Kick();
        Assert.Equal(VcpuExitKind.Kicked, vcpu.Run(10).Kind);
        machine.Stop();
        Assert.Equal(VcpuExitKind.Stopped, vcpu.Run(10).Kind);
    }

    [Fact]
    public async Task A_blocked_run_comes_back_when_the_guest_starts_the_vcpu()
    {
        var bare = Prepare(Init, Startup | StartPage);
        bare.Machine.TryAddVcpu(out var index);
        var vcpu = bare.Machine.GetVcpu(index);
        var blocked = Task.Run(() => vcpu.Run(10), TestContext.Current.CancellationToken);

        bare.RunToHalt();
        Assert.Equal(VcpuExitKind.Started, (await blocked).Kind);
        Assert.True(vcpu.IsInitialized);
        vcpu.GetState(out var state);
        Assert.Equal((8, BareMachine.Handlers, 0x1111UL, BareMachine.Root, 0x2222UL), (state.Mode, state.Regs.Rip, state.Regs.Rsp, state.Sregs.Cr3, state.Regs.Rdi));
        Assert.Equal(VcpuExitKind.Halted, vcpu.Run(10).Kind);
    }

    [Fact]
    public void A_startup_before_init_or_after_the_start_is_ignored()
    {
        var bare = Prepare(Startup | StartPage, Init, Startup | StartPage, Startup | 1);
        bare.Machine.TryAddVcpu(out var index);
        var vcpu = bare.Machine.GetModelVcpu(index);
        bare.Machine.GetModelVcpu(0).Run(7);

        vcpu.Kick();
        Assert.Equal(VcpuExitKind.Kicked, vcpu.Run(10).Kind);
        bare.RunToHalt();
        Assert.Equal(VcpuExitKind.Started, vcpu.Run(10).Kind);
        Assert.Equal(VcpuExitKind.Halted, vcpu.Run(10).Kind);
        vcpu.GetState(out var state);
        Assert.Equal(BareMachine.Handlers + 1, state.Regs.Rip);
    }

    [Fact]
    public void A_start_page_outside_memory_ends_in_a_triple_fault()
    {
        var bare = Prepare(Init, Startup | 0xFF);
        bare.Machine.TryAddVcpu(out var index);
        bare.RunToHalt();
        Assert.Equal(VcpuExitKind.Started, bare.Machine.GetVcpu(index).Run(10).Kind);
        Assert.Equal(VcpuExitKind.Shutdown, bare.Machine.GetVcpu(index).Run(10).Kind);
    }

    [Fact]
    public void The_interrupt_command_register_needs_x2apic_mode_and_zero_reserved_bits()
    {
        var bare = new BareMachine(code =>
        {
            code.mov(ecx, MsrIndex.X2ApicCommand);
            code.mov(eax, (uint)Init);
            code.wrmsr();
        });
        Assert.Equal(13, bare.RunToHandler());
        Assert.False(bare.Vcpu.TryGetMsr(MsrIndex.X2ApicId, out _));

        Assert.True(bare.Vcpu.TrySetMsr(MsrIndex.ApicBase, EnableX2Apic));
        Assert.True(bare.Vcpu.TryGetMsr(MsrIndex.X2ApicId, out var id));
        Assert.Equal(0UL, id);
        Assert.False(bare.Vcpu.TrySetMsr(MsrIndex.X2ApicCommand, 1 << 13));
        Assert.False(bare.Vcpu.TrySetMsr(MsrIndex.ApicBase, 0xFEE0_0900));
        Assert.True(bare.Vcpu.TrySetMsr(MsrIndex.ApicBase, 0xFEE0_0100));
        Assert.False(bare.Vcpu.TrySetMsr(MsrIndex.ApicBase, EnableX2Apic));
    }

    [Fact]
    public void A_guest_asks_for_a_vcpu_through_the_plug_port()
    {
        var bare = new BareMachine(code =>
        {
            code.mov(edx, ModelMachine.PlugPort);
            code.@out(dx, eax);
            code.@in(eax, dx);
            code.mov(__[Answer], eax);
        });
        bare.RunToHalt();
        Assert.Equal(2, bare.Machine.VcpuCount);
        Assert.Equal(2UL, bare.Get(Answer) & uint.MaxValue);
    }

    [Fact]
    public void Ports_are_closed_to_user_mode()
    {
        var bare = new BareMachine(code =>
        {
            BareMachine.EnterUser(code);
            code.@out(0x80, al);
        });
        Assert.Equal(13, bare.RunToHandler());
    }

    /// <summary>vCPU 0 sends these interrupt commands to vCPU 1; the start page holds a record that leads to a HLT.</summary>
    private static BareMachine Prepare(params ulong[] commands)
    {
        var bare = new BareMachine(code =>
        {
            code.mov(ecx, MsrIndex.X2ApicCommand);
            code.mov(edx, 1);
            foreach (var command in commands)
            {
                code.mov(eax, (uint)command);
                code.wrmsr();
            }
        });
        Assert.True(bare.Vcpu.TrySetMsr(MsrIndex.ApicBase, EnableX2Apic));
        bare.Put((ulong)StartPage << 12, BareMachine.Handlers);
        bare.Put(((ulong)StartPage << 12) + 8, 0x1111);
        bare.Put(((ulong)StartPage << 12) + 16, BareMachine.Root);
        bare.Put(((ulong)StartPage << 12) + 24, 0x2222);
        return bare;
    }
}
