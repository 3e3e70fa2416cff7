using Kvmi.Guest.Decoding;
using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Tests.Decoding;

public sealed class InstructionLengthTests
{
    private readonly FakeMemory _memory = new();

    [Theory]
    [InlineData(8, "488903", 3)]
    [InlineData(8, "cc", 1)]
    [InlineData(8, "48b8112233445566778899", 10)]
    [InlineData(4, "b811223344", 5)]
    [InlineData(2, "b81122", 3)]
    [InlineData(4, "06", 1)]
    [InlineData(8, "06", 0)]
    [InlineData(3, "90", 0)]
    [InlineData(8, "6666666666666666666666666666666690", 0)]
    public void Length_follows_the_mode(byte mode, string hex, int expected)
    {
        _memory.Put(0x5000, Convert.FromHexString(hex + new string('0', 40)));
        var regs = new KvmRegs { Rip = 0x5000 };
        Assert.Equal(expected > 0, new InstructionLength(_memory).TryFind(in regs, default, mode, out var length));
        Assert.Equal(expected, length);
    }

    [Fact]
    public void Rip_counts_from_the_base_of_cs_outside_64_bit_mode()
    {
        _memory.Put(0x1_0010, 0x89, 0xD8, 0x90);
        var regs = new KvmRegs { Rip = 0x10 };
        var sregs = new KvmSregs { Cs = new KvmSegment { Base = 0x1_0000 } };
        Assert.True(new InstructionLength(_memory).TryFind(in regs, in sregs, 2, out var length));
        Assert.Equal(2, length);
    }

    [Fact]
    public void An_instruction_at_the_end_of_a_page_needs_the_next_page_only_when_it_reaches_into_it()
    {
        _memory.Put(0x5FFE, 0x48, 0x89);
        var regs = new KvmRegs { Rip = 0x5FFE };
        var finder = new InstructionLength(_memory);
        Assert.False(finder.TryFind(in regs, default, 8, out _));
        _memory.Put(0x6000, 0x03);
        Assert.True(finder.TryFind(in regs, default, 8, out var length));
        Assert.Equal(3, length);
        _memory.Put(0x7FFF, 0x90);
        regs.Rip = 0x7FFF;
        Assert.True(finder.TryFind(in regs, default, 8, out length));
        Assert.Equal(1, length);
        regs.Rip = 0x9000;
        Assert.False(finder.TryFind(in regs, default, 8, out _));
    }

    [Fact]
    public void Finding_a_length_allocates_nothing_after_the_first()
    {
        _memory.Put(0x5000, 0x48, 0x89, 0x03);
        var regs = new KvmRegs { Rip = 0x5000 };
        var finder = new InstructionLength(_memory);
        finder.TryFind(in regs, default, 8, out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            finder.TryFind(in regs, default, 8, out _);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
