using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

public sealed class PagingTests
{
    private const ulong NoExecute = 1UL << 63;
    private const ulong UserCopy = BareMachine.UserOffset + BareMachine.Data;

    [Fact]
    public void Translation_without_side_effects()
    {
        var machine = new BareMachine();
        machine.MapSmall(3, 0x5_0000 | 1);
        Assert.True(machine.Vcpu.TryTranslate(BareMachine.Small + 0x3123, out var gpa));
        Assert.Equal(0x5_0123UL, gpa);
        Assert.True(machine.Vcpu.TryTranslate(BareMachine.Code + 5, out gpa));
        Assert.Equal(BareMachine.Code + 5, gpa);
        Assert.False(machine.Vcpu.TryTranslate(BareMachine.Small + 0x4000, out gpa));
        Assert.Equal(ulong.MaxValue, gpa);
        Assert.False(machine.Vcpu.TryTranslate(0x8000_0000_0000_0000, out _));
        Assert.Equal(0x5_0001UL, machine.Get(BareMachine.SmallTable + 24));
    }

    [Theory]
    [InlineData(false, 0UL, 0U)]
    [InlineData(true, 0UL, 2U)]
    [InlineData(true, 0x5_0001UL, 3U)]
    [InlineData(false, 0x5_0001UL | (1UL << 45), 9U)]
    public void Data_faults_tell_the_address_and_why(bool isWrite, ulong entry, uint error)
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Small + 0x234);
            if (isWrite) code.mov(__qword_ptr[rbx], rax);
            else code.mov(rax, __qword_ptr[rbx]);
        });
        machine.MapSmall(0, entry);
        Assert.Equal(ExceptionVector.PageFault, machine.RunToHandler());
        Assert.Equal(error, machine.StackWord(0));
        Assert.Equal(BareMachine.Small + 0x234, machine.State.Sregs.Cr2);
        Assert.Equal(BareMachine.Code + 5, machine.StackWord(1));
    }

    [Fact]
    public void Write_protection_of_the_kernel_can_be_switched_off()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rax, cr0);
            code.btr(rax, 16);
            code.mov(cr0, rax);
            code.mov(ebx, (uint)BareMachine.Small);
            code.mov(__qword_ptr[rbx], 77);
        });
        machine.MapSmall(0, 0x5_0001);
        machine.RunToHalt();
        Assert.Equal(77UL, machine.Get(0x5_0000));
    }

    [Fact]
    public void No_execute_is_an_instruction_fetch_fault()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Small);
            code.jmp(rbx);
        });
        machine.MapSmall(0, 0x5_0003 | NoExecute);
        Assert.Equal(ExceptionVector.PageFault, machine.RunToHandler());
        Assert.Equal(0x11UL, machine.StackWord(0));
        Assert.Equal(BareMachine.Small, machine.StackWord(1));
    }

    [Theory]
    [InlineData(20, true)]
    [InlineData(21, false)]
    public void SMEP_and_SMAP_keep_the_kernel_off_user_pages(int bit, bool isFetch)
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rax, cr4);
            code.bts(rax, (byte)bit);
            code.mov(cr4, rax);
            code.mov(ebx, (uint)UserCopy);
            if (isFetch) code.jmp(rbx);
            else code.mov(rax, __qword_ptr[rbx]);
        });
        Assert.Equal(ExceptionVector.PageFault, machine.RunToHandler());
        Assert.Equal(isFetch ? 0x11UL : 1UL, machine.StackWord(0));
    }

    [Fact]
    public void STAC_excuses_from_SMAP()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rax, cr4);
            code.bts(rax, 21);
            code.mov(cr4, rax);
            code.stac();
            code.mov(ebx, (uint)UserCopy);
            code.mov(rax, __qword_ptr[rbx]);
            code.clac();
            code.mov(rcx, __qword_ptr[rbx]);
        });
        machine.Put(BareMachine.Data, 55);
        Assert.Equal(ExceptionVector.PageFault, machine.RunToHandler());
        Assert.Equal(55UL, machine.Regs.Rax);
    }

    [Fact]
    public void User_mode_cannot_touch_kernel_pages()
    {
        var machine = new BareMachine(code =>
        {
            BareMachine.EnterUser(code);
            code.mov(ebx, (uint)BareMachine.Data);
            code.mov(__qword_ptr[rbx], rax);
        });
        Assert.Equal(ExceptionVector.PageFault, machine.RunToHandler());
        Assert.Equal(7UL, machine.StackWord(0));
        Assert.Equal(BareMachine.Data, machine.State.Sregs.Cr2);
    }

    [Fact]
    public void Walks_set_accessed_and_dirty()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Small);
            code.mov(rax, __qword_ptr[rbx]);
            code.mov(__qword_ptr[rbx + 0x1000], rax);
        });
        machine.MapSmall(0, 0x5_0003);
        machine.MapSmall(1, 0x5_1003);
        machine.RunToHalt();
        Assert.Equal(0x5_0023UL, machine.Get(BareMachine.SmallTable));
        Assert.Equal(0x5_1063UL, machine.Get(BareMachine.SmallTable + 8));
    }

    [Fact]
    public void INVLPG_makes_a_new_mapping_count()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Small);
            code.mov(ecx, (uint)BareMachine.SmallTable);
            code.mov(rax, __qword_ptr[rbx]);
            code.mov(__qword_ptr[rcx], 0x5_1003);
            code.invlpg(__byte_ptr[rbx]);
            code.mov(rdx, __qword_ptr[rbx]);
        });
        machine.MapSmall(0, 0x5_0003);
        machine.Put(0x5_0000, 1);
        machine.Put(0x5_1000, 2);
        machine.RunToHalt();
        Assert.Equal(1UL, machine.Regs.Rax);
        Assert.Equal(2UL, machine.Regs.Rdx);
    }

    [Fact]
    public void A_write_across_pages_happens_whole_or_not_at_all()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Small + 0xFFC);
            code.mov(rax, ulong.MaxValue);
            code.mov(__qword_ptr[rbx], rax);
        });
        machine.MapSmall(0, 0x5_0003);
        Assert.Equal(ExceptionVector.PageFault, machine.RunToHandler());
        Assert.Equal(BareMachine.Small + 0x1000, machine.State.Sregs.Cr2);
        Assert.Equal(0UL, machine.Get(0x5_0FF8));

        machine.MapSmall(1, 0x6_0003);
        machine.Edit((ref KvmRegs regs) => regs.Rip = BareMachine.Code);
        machine.RunToHalt();
        Assert.Equal(0xFFFF_FFFF_0000_0000, machine.Get(0x5_0FF8));
        Assert.Equal(0xFFFF_FFFFUL, machine.Get(0x6_0000));
    }

    [Fact]
    public void Memory_outside_the_machine_reads_as_ones_and_swallows_writes()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(ebx, (uint)BareMachine.Small);
            code.mov(__qword_ptr[rbx], 5);
            code.mov(rax, __qword_ptr[rbx]);
        });
        machine.MapSmall(0, 0x1000_0003);
        machine.RunToHalt();
        Assert.Equal(ulong.MaxValue, machine.Regs.Rax);
        Assert.False(machine.Machine.IsBacked(0x1000_0000));
    }

    [Fact]
    public void Physical_memory_checks_its_bounds()
    {
        var machine = new BareMachine().Machine;
        Span<byte> bytes = stackalloc byte[16];
        Assert.Equal((ulong)BareMachine.MemorySize, machine.MemorySize);
        Assert.True(machine.TryReadPhysical(machine.MemorySize - 16, bytes));
        Assert.False(machine.TryReadPhysical(machine.MemorySize - 15, bytes));
        Assert.False(machine.TryWritePhysical(ulong.MaxValue - 3, bytes));
        Assert.False(machine.TryGetPageAccess(machine.MemorySize, out _));
        Assert.False(machine.TrySetPageAccess(machine.MemorySize, PageAccess.None));
        Assert.True(machine.TryGetPageAccess(0x70_0000, out var access));
        Assert.Equal(PageAccess.All, access);
    }

    [Fact]
    public void A_page_table_outside_memory_is_a_fault_not_a_crash()
    {
        var machine = new BareMachine(code =>
        {
            code.mov(rax, 0x10_0000_0000);
            code.mov(cr3, rax);
        });
        Assert.Equal(VcpuExitKind.Shutdown, machine.Run().Kind);
        Assert.Equal(VcpuExitKind.Shutdown, machine.Run().Kind);
    }
}
