using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Tests.Kernel.Hooking;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>The agent's guest request (rfc-v5 6.1; kvmi-later-dialects.md 3.8): a hypercall with number 34 and function 24.</summary>
public sealed class GuestRequestTests
{
    [Theory]
    [InlineData(8, 0)]
    [InlineData(8, 3)]
    [InlineData(4, 0)]
    [InlineData(4, 3)]
    public async Task A_request_reaches_the_tool_from_64_and_32_bit_code_in_kernel_and_user_mode(byte mode, byte privilege)
    {
        await using var kernel = new KernelFixture();
        Assert.Equal(0, kernel.EnableEvent(EventKind.Hypercall).Error);
        kernel.Vcpu.SetState(Request(mode, privilege));
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Hypercall });
        kernel.Tool.Allow(kernel.Tool.Event(EventKind.Hypercall));
        Assert.Equal("hypercall 0", kernel.NextDone());

        // What the caller has to expect to be lost is a convention for the caller: nothing but the result is touched.
        kernel.Vcpu.GetState(out var after);
        Assert.Equal(Request(mode, privilege).Regs, after.Regs);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    public async Task A_request_that_nobody_listens_to_fails_with_1000(byte mode)
    {
        await using var kernel = new KernelFixture();
        kernel.Vcpu.SetState(Request(mode, 3));
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Hypercall });
        Assert.Equal(mode == 8 ? "hypercall -1000" : $"hypercall {unchecked((uint)-1000)}", kernel.NextDone());
    }

    [Fact]
    public async Task A_request_without_any_hook_fails_too()
    {
        await using var vm = new HookFixture();
        vm.Machine[0].SetState(Request(8, 0));
        vm.Machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.Hypercall });
        vm.Start();
        Assert.True(vm.Machine[0].Hypercall);
        Assert.True(vm.Machine[0].Done.TryTake(out var done, RawTool.GiveUpMilliseconds));
        Assert.Equal("hypercall -1000", done);
    }

    [Theory]
    [InlineData(8, 34, 24, 1)]
    [InlineData(8, 34, 23, 0)]
    [InlineData(8, 35, 24, 0)]
    [InlineData(8, 0x1_0000_0022, 24, 0)]
    [InlineData(8, 34, 0x1_0000_0018, 0)]
    [InlineData(4, 34, 24, 1)]
    [InlineData(4, 34, 25, 0)]
    public async Task Other_arguments_are_no_request(byte mode, long number, long function, long zero)
    {
        await using var kernel = new KernelFixture();
        Assert.Equal(0, kernel.EnableEvent(EventKind.Hypercall).Error);
        foreach (var privilege in new byte[] { 0, 3 })
        {
            var state = Request(mode, privilege);
            state.Regs.Rax = (ulong)number;
            (state.Regs.Rdi, state.Regs.Rsi) = ((ulong)function, (ulong)zero);
            (state.Regs.Rbx, state.Regs.Rcx) = ((ulong)function, (ulong)zero);
            kernel.Vcpu.SetState(state);
            kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Hypercall });
            long expected = privilege == 0 ? -1000 : -1;
            Assert.Equal($"hypercall {(mode == 8 ? expected : unchecked((uint)expected))}", kernel.NextDone());
        }
    }

    /// <summary>In 32-bit code the upper halves of the registers hold what they like, and the 64-bit registers of the call something else.</summary>
    private static VcpuState Request(byte mode, byte privilege)
    {
        var state = new VcpuState { Mode = mode };
        state.Sregs.Ss.Dpl = privilege;
        if (mode == 8)
        {
            (state.Regs.Rax, state.Regs.Rdi, state.Regs.Rsi, state.Regs.Rbx) = (34, 24, 0, 0x77);
        }
        else
        {
            const ulong junk = 0xABCD_0000_0000_0000;
            (state.Regs.Rax, state.Regs.Rbx, state.Regs.Rcx, state.Regs.Rdi) = (junk | 34, junk | 24, junk, 0x77);
        }

        return state;
    }
}
