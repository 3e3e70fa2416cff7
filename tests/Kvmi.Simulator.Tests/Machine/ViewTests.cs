using Iced.Intel;
using Kvmi.Protocol;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

/// <summary>Views of memory: rights, replaced frames, sub-page protection, and the guest's own switch.</summary>
public sealed class ViewTests
{
    private const ulong Other = BareMachine.Data + 0x1000;

    [Fact]
    public void Rights_of_a_view_hold_only_for_a_vcpu_in_it()
    {
        var bare = Store();
        bare.Machine.Traps.PageAccess = true;
        Assert.True(bare.Machine.Views!.TrySetPageAccess(1, BareMachine.Data, PageAccess.ReadExecute));
        bare.RunToHalt();

        bare = Store();
        bare.Machine.Traps.PageAccess = true;
        Assert.True(bare.Machine.Views!.TrySetPageAccess(1, BareMachine.Data, PageAccess.ReadExecute));
        Assert.True(bare.Vcpu.Views!.TrySwitch(1));
        var exit = bare.Run();
        Assert.Equal((VcpuExitKind.PageAccess, BareMachine.Data, PageAccess.Write), (exit.Kind, exit.Gpa, exit.Access));
        Assert.Equal(1, bare.State.View);
        Assert.True(bare.Machine.TryGetPageAccess(BareMachine.Data, out var first));
        Assert.True(bare.Machine.Views!.TryGetPageAccess(1, BareMachine.Data, out var second));
        Assert.Equal((PageAccess.All, PageAccess.ReadExecute), (first, second));
    }

    [Fact]
    public void There_are_four_views_and_nothing_beyond()
    {
        var bare = new BareMachine();
        Assert.Equal(4, bare.Machine.Views!.Count);
        Assert.True(bare.Vcpu.Views!.TrySwitch(3));
        Assert.False(bare.Vcpu.Views!.TrySwitch(4));
        Assert.False(bare.Vcpu.Views!.TrySetVisible(-1, true));
        Assert.False(bare.Machine.Views!.TrySetPageAccess(4, 0, PageAccess.All));
        Assert.False(bare.Machine.Views!.TryGetPageAccess(4, 0, out _));
        Assert.Equal(3, bare.Vcpu.Views!.Current);
    }

    [Fact]
    public void A_guest_switches_to_a_visible_view()
    {
        var bare = Vmfunc(0, 2);
        Assert.True(bare.Vcpu.Views!.TrySetVisible(2, true));
        bare.RunToHalt();
        Assert.Equal(2, bare.Vcpu.Views!.Current);
        Assert.Equal(BareMachine.Code, bare.Regs.Rip & ~0xFFFUL);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 4)]
    [InlineData(0, 600)]
    [InlineData(1, 2)]
    [InlineData(64, 2)]
    public void An_invisible_view_or_unknown_function_is_an_invalid_opcode(uint function, uint view)
    {
        var bare = Vmfunc(function, view);
        Assert.True(bare.Vcpu.Views!.TrySetVisible(2, true));
        Assert.Equal(6, bare.RunToHandler());
        Assert.Equal(0, bare.Vcpu.Views!.Current);
    }

    [Fact]
    public void User_mode_may_switch_too()
    {
        var bare = new BareMachine(code =>
        {
            BareMachine.EnterUser(code);
            code.xor(eax, eax);
            code.mov(ecx, 1);
            code.vmfunc();
            code.ud2();
        });
        Assert.True(bare.Vcpu.Views!.TrySetVisible(1, true));
        Assert.Equal(6, bare.RunToHandler());
        Assert.Equal(1, bare.Vcpu.Views!.Current);
    }

    [Fact]
    public void A_replaced_frame_is_seen_in_its_view_by_the_guest_alone()
    {
        var bare = Load();
        bare.Put(BareMachine.Data, 1);
        bare.Put(Other, 2);
        Assert.True(bare.Machine.Views!.TryReplaceFrame(1, BareMachine.Data, Other));
        bare.RunToHalt();
        Assert.Equal(1UL, bare.Regs.Rbx);

        bare.Edit((ref Protocol.Registers.KvmRegs regs) => regs.Rip = BareMachine.Code);
        Assert.True(bare.Vcpu.Views!.TrySwitch(1));
        bare.RunToHalt();
        Assert.Equal(2UL, bare.Regs.Rbx);
        Assert.Equal(1UL, bare.Get(BareMachine.Data));

        bare.Edit((ref Protocol.Registers.KvmRegs regs) => regs.Rip = BareMachine.Code);
        Assert.True(bare.Machine.Views!.TryReplaceFrame(1, BareMachine.Data, BareMachine.Data));
        bare.RunToHalt();
        Assert.Equal(1UL, bare.Regs.Rbx);
    }

    [Fact]
    public void Code_in_a_replaced_frame_is_executed()
    {
        var bare = new BareMachine(code => code.nop());
        bare.Machine.TryWritePhysical(Other, [0x0F, 0x0B]);
        Assert.True(bare.Machine.Views!.TryReplaceFrame(0, BareMachine.Code, Other));
        Assert.Equal(6, bare.RunToHandler());
    }

    [Fact]
    public void A_replaced_frame_outside_memory_is_refused()
    {
        var bare = new BareMachine();
        Assert.False(bare.Machine.Views!.TryReplaceFrame(0, BareMachine.MemorySize, Other));
        Assert.False(bare.Machine.Views!.TryReplaceFrame(0, Other, BareMachine.MemorySize));
        Assert.False(bare.Machine.Views!.TryReplaceFrame(4, Other, Other));
    }

    [Theory]
    [InlineData(0x100, 8, true)]
    [InlineData(0x17C, 4, true)]
    [InlineData(0x17C, 8, false)]
    [InlineData(0x180, 1, false)]
    [InlineData(0x0FF, 1, false)]
    public void Only_writes_inside_a_writable_part_pass(int offset, int size, bool passes)
    {
        var bare = Store(offset, size);
        bare.Restrict(BareMachine.Data, PageAccess.ReadExecute);
        bare.Machine.Views!.SubPageProtection = true;
        Assert.True(bare.Machine.Views!.TrySetWriteBitmap(BareMachine.Data, 1 << 2));
        Assert.Equal(passes ? VcpuExitKind.Halted : VcpuExitKind.PageAccess, bare.Run().Kind);
    }

    [Fact]
    public void A_bitmap_takes_the_right_to_write_away_while_the_protection_is_on()
    {
        var bare = Store();
        bare.Machine.Traps.PageAccess = true;
        Assert.True(bare.Machine.Views!.TrySetWriteBitmap(BareMachine.Data, 0));
        bare.RunToHalt();

        bare = Store();
        bare.Machine.Traps.PageAccess = true;
        Assert.True(bare.Machine.Views!.TrySetWriteBitmap(BareMachine.Data, 0));
        bare.Machine.Views!.SubPageProtection = true;
        Assert.Equal(VcpuExitKind.PageAccess, bare.Run().Kind);
        Assert.True(bare.Machine.Views!.TrySetWriteBitmap(BareMachine.Data, uint.MaxValue));
        bare.RunToHalt();
    }

    [Fact]
    public void Reset_gives_everything_back()
    {
        var bare = Store();
        bare.Machine.Traps.PageAccess = true;
        var views = bare.Machine.Views!;
        views.SubPageProtection = true;
        for (var view = 0; view < views.Count; view++)
        {
            Assert.True(views.TrySetPageAccess(view, BareMachine.Data, PageAccess.None));
            Assert.True(views.TryReplaceFrame(view, BareMachine.Data, Other));
        }

        Assert.True(views.TrySetWriteBitmap(BareMachine.Data, 0));
        views.Reset();
        bare.RunToHalt();
        Assert.NotEqual(0UL, bare.Get(BareMachine.Data));
        Assert.False(views.SubPageProtection);
    }

    [Fact]
    public void A_machine_without_views_says_so()
    {
        var machine = new ModelMachine(new ModelMachineOptions { VcpuCount = 1, Hardware = MachineHardware.Svm });
        Assert.Equal(MachineFeatures.None, machine.Features);
        Assert.Null(machine.Views);
        Assert.Null(machine.GetVcpu(0).Views);
        machine.GetVcpu(0).Traps.Singlestep = true;
        Assert.NotEqual(VcpuExitKind.Singlestep, machine.GetVcpu(0).Run(10).Kind);
    }

    private static BareMachine Store(int offset = 0, int size = 8) => new(code =>
    {
        code.mov(eax, 0x55);
        var at = BareMachine.Data + (ulong)offset;
        if (size == 8) code.mov(__qword_ptr[at], rax);
        else if (size == 4) code.mov(__dword_ptr[at], eax);
        else code.mov(__byte_ptr[at], al);
    });

    private static BareMachine Load() => new(code => code.mov(rbx, __qword_ptr[BareMachine.Data]));

    private static BareMachine Vmfunc(uint function, uint view) => new(code =>
    {
        code.mov(eax, function);
        code.mov(ecx, view);
        code.vmfunc();
    });
}
