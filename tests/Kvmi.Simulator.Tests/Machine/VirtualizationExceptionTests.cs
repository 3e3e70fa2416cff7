using Kvmi.Protocol;
using Kvmi.Simulator.Machine;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

/// <summary>Forbidden accesses that become #VE (Intel SDM volume 3, "Virtualization exceptions").</summary>
public sealed class VirtualizationExceptionTests
{
    private const ulong Info = 0xE000;
    private const ulong Busy = 0xFFFF_FFFF_0000_0030;

    [Fact]
    public void A_forbidden_write_enters_the_guests_handler_with_the_facts_in_the_page()
    {
        var bare = Writer(0x10);
        Assert.Equal(20, bare.RunToHandler());
        Assert.Equal(Busy, bare.Get(Info));

        // A write to a page that is readable and executable, the address is valid, the access was the final one.
        Assert.Equal(0x1AAUL, bare.Get(Info + 8));
        Assert.Equal(BareMachine.Data + 0x10, bare.Get(Info + 16));
        Assert.Equal(BareMachine.Data + 0x10, bare.Get(Info + 24));
        Assert.Equal(1UL, bare.Get(Info + 32) & 0xFFFF);

        // No error code: the frame begins with RIP, that of the write.
        Assert.Equal(BareMachine.Code, bare.StackWord(0) & ~0xFFFUL);
        Assert.Equal(0x08UL, bare.StackWord(1));
    }

    [Fact]
    public void While_the_guest_has_not_cleared_the_page_the_access_exits()
    {
        var bare = Writer();
        bare.Put(Info, Busy);
        Assert.Equal(VcpuExitKind.PageAccess, bare.Run().Kind);
        bare.Put(Info, 0);
        Assert.Equal(20, bare.RunToHandler());
    }

    [Fact]
    public void A_page_that_suppresses_it_exits()
    {
        var bare = Writer();
        Assert.True(bare.Machine.Views!.TrySetSuppressVe(1, BareMachine.Data, true));
        Assert.Equal(VcpuExitKind.PageAccess, bare.Run().Kind);
        Assert.Equal(0UL, bare.Get(Info));
    }

    [Fact]
    public void It_belongs_to_the_view_and_ends_when_disabled()
    {
        var bare = Writer();
        bare.Vcpu.Views!.DisableVe();
        Assert.Equal(VcpuExitKind.PageAccess, bare.Run().Kind);

        bare = Writer();
        Assert.True(bare.Vcpu.Views!.TrySwitch(0));
        bare.RunToHalt();
    }

    [Fact]
    public void With_exits_asked_for_the_facts_are_there_and_run_ends()
    {
        var bare = Writer(exits: true);
        Assert.Equal(VcpuExitKind.PageAccess, bare.Run().Kind);
        Assert.Equal(Busy, bare.Get(Info));
    }

    [Fact]
    public void An_access_during_a_delivery_exits_instead()
    {
        var bare = Writer();
        Assert.True(bare.Machine.Views!.TrySetPageAccess(1, BareMachine.Idt, PageAccess.None));
        Assert.True(bare.Machine.Views!.TrySetSuppressVe(1, BareMachine.Idt, false));
        var exit = bare.Run();
        Assert.Equal((VcpuExitKind.PageAccess, BareMachine.Idt + (20 * 16)), (exit.Kind, exit.Gpa));
    }

    [Fact]
    public void A_page_walk_is_not_the_final_access()
    {
        var bare = Writer();

        // The handler's stack is marked already, or its delivery would have to mark it.
        bare.Put(BareMachine.Pd + 8, bare.Get(BareMachine.Pd + 8) | 0x60);
        Assert.True(bare.Machine.Views!.TrySetPageAccess(1, BareMachine.Pd, PageAccess.Read));
        Assert.True(bare.Machine.Views!.TrySetSuppressVe(1, BareMachine.Pd, false));

        // The entry of the data has not been used yet: the CPU sets its accessed bit.
        Assert.Equal(20, bare.RunToHandler());
        Assert.Equal(0x08AUL, bare.Get(Info + 8));
        Assert.Equal(BareMachine.Data, bare.Get(Info + 16));
        Assert.Equal(BareMachine.Pd + ((BareMachine.Data >> 21) * 8), bare.Get(Info + 24));
    }

    [Fact]
    public void The_page_must_be_memory_and_aligned()
    {
        var bare = new BareMachine();
        Assert.False(bare.Vcpu.Views!.TryEnableVe(Info + 8, false));
        Assert.False(bare.Vcpu.Views!.TryEnableVe(BareMachine.MemorySize, false));
    }

    /// <summary>A guest in view 1 that writes to a page without write access, with #VE on.</summary>
    private static BareMachine Writer(int offset = 0, bool exits = false)
    {
        var bare = new BareMachine(code => code.mov(__qword_ptr[BareMachine.Data + (ulong)offset], rax));
        bare.Machine.Traps.PageAccess = true;
        var views = bare.Machine.Views!;
        Assert.True(views.TrySetPageAccess(1, BareMachine.Data, PageAccess.ReadExecute));
        Assert.True(views.TrySetSuppressVe(1, BareMachine.Data, false));
        Assert.True(bare.Vcpu.Views!.TrySwitch(1));
        Assert.True(bare.Vcpu.Views!.TryEnableVe(Info, exits));
        return bare;
    }
}
