using Iced.Intel;
using Kvmi.Simulator.Machine.Model;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Machine;

/// <summary>What the CPU refuses with #GP(0) (Intel SDM volume 3, 2.5; volume 2, MOV CR, WRMSR, XSETBV, RDTSC) and leaves unchanged.</summary>
public sealed class ReservedBitTests
{
    [Theory]
    [InlineData(1UL << 32)] // upper half
    [InlineData(1UL << 0)] // PE, when it is what changes
    [InlineData(1UL << 31)] // PG
    [InlineData(1UL << 29)] // NW without CD
    public void CR0(ulong changed) => Refuses(
        code =>
        {
            code.mov(rax, cr0);
            code.mov(rbx, changed);
            code.xor(rax, rbx);
            code.mov(cr0, rax);
        },
        bare => bare.State.Sregs.Cr0);

    [Theory]
    [InlineData(1UL << 5)] // PAE off under 64-bit paging
    [InlineData(1UL << 12)] // LA57, which this CPU lacks
    [InlineData(1UL << 15)] // no such bit
    [InlineData(1UL << 32)]
    public void CR4(ulong changed) => Refuses(
        code =>
        {
            code.mov(rax, cr4);
            code.mov(rbx, changed);
            code.xor(rax, rbx);
            code.mov(cr4, rax);
        },
        bare => bare.State.Sregs.Cr4);

    [Theory]
    [InlineData(1UL << 40)] // above the physical addresses of this CPU
    [InlineData(1UL << 63)] // without PCIDE
    public void CR3(ulong changed) => Refuses(
        code =>
        {
            code.mov(rax, cr3);
            code.mov(rbx, changed);
            code.xor(rax, rbx);
            code.mov(cr3, rax);
        },
        bare => bare.State.Sregs.Cr3);

    [Theory]
    [InlineData(MsrIndex.Efer, 0xD01UL | (1 << 1))] // reserved
    [InlineData(MsrIndex.Efer, 0xC01UL)] // LME off while paging
    [InlineData(MsrIndex.Lstar, 0x8000_0000_0000UL)] // not canonical
    [InlineData(MsrIndex.KernelGsBase, 0xFFFF_0000_0000_0000UL)]
    [InlineData(MsrIndex.SysenterEip, 0x8000_0000_0000UL)]
    [InlineData(MsrIndex.Pat, 2UL)] // no such memory type
    [InlineData(0x9999, 0UL)] // no such MSR
    public void MSR(uint msr, ulong value) => Refuses(
        code =>
        {
            code.mov(ecx, msr);
            code.mov(eax, (uint)value);
            code.mov(edx, (uint)(value >> 32));
            code.wrmsr();
        },
        bare => bare.Vcpu.TryGetMsr(msr, out var now) ? now : 0);

    [Fact]
    public void XSETBV_of_user_mode()
    {
        var bare = Prepared();
        bare.Assemble(code =>
        {
            code.mov(rax, cr4);
            code.or(rax, 1 << 18);
            code.mov(cr4, rax);
            BareMachine.EnterUser(code);
            code.mov(eax, 3);
            code.xor(ecx, ecx);
            code.xor(edx, edx);
            code.xsetbv();
        });
        Assert.Equal(13, bare.RunToHandler());
        Assert.True(bare.Vcpu.TryGetXcr(0, out var value));
        Assert.Equal(1UL, value);
    }

    [Theory]
    [InlineData(true, 13)]
    [InlineData(false, 6)]
    public void RDTSC_of_user_mode_when_the_kernel_forbids_it(bool isForbidden, int vector)
    {
        var bare = Prepared();
        bare.Assemble(code =>
        {
            code.mov(rax, cr4);
            if (isForbidden) code.or(rax, 1 << 2);
            code.mov(cr4, rax);
            BareMachine.EnterUser(code);
            code.rdtsc();
            code.ud2();
        });
        Assert.Equal(vector, bare.RunToHandler());
    }

    private static BareMachine Prepared() => new();

    private static void Refuses(Action<Assembler> write, Func<BareMachine, ulong> read)
    {
        var bare = new BareMachine(write);
        var before = read(bare);
        Assert.Equal(13, bare.RunToHandler());
        Assert.Equal(0UL, bare.StackWord(0));
        Assert.Equal(before, read(bare));
    }
}
