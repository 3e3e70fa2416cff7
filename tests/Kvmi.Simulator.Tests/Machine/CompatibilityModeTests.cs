using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

/// <summary>32-bit code under a 64-bit kernel, reached by far jumps (Intel SDM volume 2, JMP; volume 3, 5.8.1).</summary>
public sealed class CompatibilityModeTests
{
    private const ulong Narrow = 0x12_0000;
    private const ushort NarrowSegment = 0x30;

    [Fact]
    public void Far_jumps_go_there_and_back()
    {
        var bare = FarJump(code =>
        {
            code.mov(eax, 0x1234_5678);
            code.inc(eax);
            code.mov(__dword_ptr[(int)BareMachine.Data], eax);
            code.jmp(0x08, (uint)BareMachine.Handlers);
        });
        Assert.Equal(0, bare.RunToHandler());
        Assert.Equal(0x1234_5679UL, bare.Get(BareMachine.Data));
        Assert.Equal(8, bare.State.Mode);
    }

    [Fact]
    public void An_exception_in_32_bit_code_returns_to_it()
    {
        var bare = FarJump(code =>
        {
            code.int3();
            code.jmp(0x08, (uint)BareMachine.Handlers);
        });
        bare.Machine.TryWritePhysical(BareMachine.Handlers + (3 * 16), [0x48, 0xCF]);
        Assert.Equal(0, bare.RunToHandler());
    }

    [Fact]
    public void What_the_subset_lacks_is_an_invalid_opcode()
    {
        Assert.Equal(6, FarJump(code => code.push(eax)).RunToHandler());
        Assert.Equal(6, FarJump(code => code.call((ulong)Narrow)).RunToHandler());
        Assert.Equal(6, FarJump(code => code.ret()).RunToHandler());
        Assert.Equal(6, FarJump(code => code.syscall()).RunToHandler());
        Assert.Equal(6, FarJump(code => code.sgdt(__fword_ptr[(int)BareMachine.Data])).RunToHandler());
        Assert.Equal(6, FarJump(code => code.jmp(__dword_ptr[(int)BareMachine.Data])).RunToHandler());
    }

    [Fact]
    public void Addresses_wrap_at_4_gib_and_limits_count()
    {
        var bare = FarJump(code =>
        {
            code.mov(ebx, 0xFFFF_FFFF);
            code.mov(eax, __dword_ptr[ebx + (int)(BareMachine.Data + 1)]);
            code.jmp(0x08, (uint)BareMachine.Handlers);
        });
        bare.Put(BareMachine.Data, 0x77);
        Assert.Equal(0, bare.RunToHandler());
        Assert.Equal(0x77UL, bare.Regs.Rax);

        Assert.Equal(13, FarJump(code =>
        {
            code.mov(ebx, 0xFFFF_FFFE);
            code.mov(eax, __dword_ptr[ebx]);
        }).RunToHandler());
    }

    [Theory]
    [InlineData(0x0000)] // null
    [InlineData(0x0010)] // data
    [InlineData(0x0018)] // user data
    [InlineData(0x0020)] // user code
    [InlineData(0x0100)] // beyond the table
    public void A_far_jump_to_anything_but_code_of_this_level_is_a_protection_fault(ushort selector)
    {
        var bare = FarJump(code => code.nop(), selector);
        Assert.Equal(13, bare.RunToHandler());
        Assert.Equal((ulong)selector & 0xFFFC, bare.StackWord(0));
    }

    [Fact]
    public void Both_kinds_of_code_at_one_address_are_decoded_each_in_its_own_way()
    {
        // 48 is DEC EAX in 32-bit code and a prefix in 64-bit code: 48 FF C0 is DEC EAX, INC EAX or INC RAX.
        var bare = FarJump(code => code.db(0x48, 0xFF, 0xC0, 0xEA, 0x00, 0x00, 0x30, 0x00, 0x08, 0x00));
        bare.Edit((ref Protocol.Registers.KvmRegs regs) => regs.Rax = 0x1_0000_0000);
        Assert.Equal(0, bare.RunToHandler());
        Assert.Equal(0UL, bare.Regs.Rax);

        bare = new BareMachine();
        bare.Machine.TryWritePhysical(BareMachine.Code, [0x48, 0xFF, 0xC0, 0xF4]);
        bare.Edit((ref Protocol.Registers.KvmRegs regs) => (regs.Rax, regs.Rip) = (0x1_0000_0000, BareMachine.Code));
        bare.RunToHalt();
        Assert.Equal(0x1_0000_0001UL, bare.Regs.Rax);
    }

    /// <summary>A machine about to jump to 32-bit code of kernel level.</summary>
    private static BareMachine FarJump(Action<Assembler> write, ushort selector = NarrowSegment)
    {
        var bare = new BareMachine(code =>
        {
            code.jmp(__fword_ptr[BareMachine.Data + 0x100]);
        });
        bare.Put(BareMachine.Gdt + NarrowSegment, 0x00CF_9B00_0000_FFFF);
        bare.Put(BareMachine.Data + 0x100, Narrow | ((ulong)selector << 32));
        var narrow = new Assembler(32);
        write(narrow);
        using var stream = new MemoryStream();
        narrow.Assemble(new StreamCodeWriter(stream), Narrow);
        Assert.True(bare.Machine.TryWritePhysical(Narrow, stream.ToArray()));
        return bare;
    }
}
