using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Kernel.Hooking;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Tests.Kernel.Hooking;

namespace Kvmi.Simulator.Tests.Kernel.Selftest;

public sealed class V12VmSelftestTests() : VmSelftest(KvmiDialect.V12)
{
    [Fact]
    public async Task Hook()
    {
        await using var vm = new HookFixture(rules: KernelRules.Find(KvmiDialect.V12));
        Assert.Equal(IoctlError.Fault, await vm.CommandAsync(1, -1));
        Assert.Equal(IoctlError.Fault, await vm.EventAsync(1, -1));
        Assert.Equal(IoctlError.InvalidArgument, await vm.HookAsync(-1));
        await vm.HookedAsync(allowAll: false);
        Assert.Equal(IoctlError.Exists, await vm.HookAsync(vm.Connect().Descriptor));
        foreach (var kind in new[] { CommandKind.GetVersion, CommandKind.CheckCommand, CommandKind.CheckEvent })
        {
            Assert.Equal(IoctlError.NotPermitted, await vm.CommandAsync(0, Id(kind)));
        }

        Assert.Equal(IoctlError.InvalidArgument, await vm.CommandAsync(2, -1));
        Assert.Equal(IoctlError.None, await vm.CommandAsync(0, -1));
        Assert.Equal(IoctlError.None, await vm.CommandAsync(1, -1));
        vm.Start();
    }

    [Fact]
    public async Task Event_unhook_and_unhook()
    {
        await using var vm = new HookFixture(rules: KernelRules.Find(KvmiDialect.V12));
        var tool = await vm.HookedAsync();
        vm.Start();
        Assert.Equal(IoctlError.NoEntry, await vm.PreUnhookAsync());
        Assert.Equal(0, tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(0, 1))).Error);
        Assert.Equal(IoctlError.None, await vm.PreUnhookAsync());
        Assert.Equal([0, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], tool.Event(EventKind.Unhook).Bytes);
        Assert.Equal(0, tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(0, 0))).Error);
        Assert.Equal(IoctlError.None, await vm.UnhookAsync());
        tool.ExpectClose();
    }

    [Fact]
    public async Task The_feature_of_get_version_is_what_the_kernel_side_does()
    {
        await using var kernel = Kernel();
        var features = kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVersion)).Payload[16..].ToArray();
        Assert.Equal([1, 0, 0, 0, 0, 0, 0, 0], features);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlSinglestep(0, 1))).Error);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(255)]
    public async Task Pause_takes_wait_0_and_1(byte wait)
    {
        await using var kernel = Kernel();
        Assert.Equal(-22, kernel.Tool.AskRaw(16, 0, 0, wait, 0, 0, 0, 0, 0).Error);
        Assert.Equal(-22, kernel.Tool.AskRaw(16, 0, 0, 1, 0, 0, 0, 0, 1).Error);
    }

    [Fact]
    public async Task Pause_is_forbidden_with_its_event()
    {
        await using var kernel = Kernel(events: [EventKind.Cr]);
        Assert.Equal(-1, kernel.Tool.Ask((d, s) => D.Write(d, s, new PauseVcpu(0, true))).Error);
        Assert.False(kernel.Hook.IsClosed);
    }

    [Fact]
    public async Task Vm_control_cleanup()
    {
        await using var kernel = Kernel();
        Assert.Equal(-22, Cleanup(2));
        Assert.True(kernel.Hook.CleansUp);
        Assert.Equal(0, Cleanup(1));
        Assert.Equal(0, Cleanup(0));
        Assert.False(kernel.Hook.CleansUp);
        Assert.Equal(-22, kernel.Tool.AskRaw(18, 1, 1, 0, 0, 0, 0, 0, 0).Error);

        int Cleanup(byte enable) => kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlCleanup(enable))).Error;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Cleanup_decides_what_the_end_of_the_connection_leaves(byte enable)
    {
        await using var kernel = Kernel();
        kernel.Tool.Answer(kernel.WriteCr3(), newValue: 2);
        Assert.Equal("cr 2", kernel.NextDone());
        kernel.EnableEvent(EventKind.Msr);
        kernel.EnableEvent(EventKind.PageFault);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlMsr(0, 0xc0000082, 1))).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlSinglestep(0, 1))).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteSetPageAccess(d, s, 0, [new PageAccessEntry(0x2000, PageAccess.Read)])).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlCleanup(enable))).Error);
        await kernel.RehookAsync();

        var stays = enable == 0;
        Assert.Equal(stays, kernel.Vcpu.GetCr(3));
        Assert.Equal(stays, kernel.Vcpu.GetMsr(0xc0000082));
        Assert.False(kernel.Vcpu.Singlestep);
        Assert.True(kernel.Machine.TryGetPageAccess(0x2000, out var access));
        Assert.Equal(stays ? PageAccess.Read : PageAccess.All, access);

        // What stayed is carried out without a word to the next tool, which has asked for none of it.
        Assert.True(kernel.Hook.CleansUp);
        kernel.EnableEvent(EventKind.Msr);
        kernel.EnableEvent(EventKind.PageFault);
        if (!stays)
        {
            Assert.Equal("clear", kernel.NextDone());
        }

        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.MsrWrite, Number = 0xc0000082, OldValue = 5, NewValue = 6 });
        Assert.Equal("msr 6", kernel.NextDone());
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gpa = 0x2000, Access = PageAccess.Write });
        Assert.Equal("pf", kernel.NextDone());
    }

    [Fact]
    public async Task Get_max_gfn_is_v11_only()
    {
        await using var kernel = Kernel();
        Assert.Equal(8, kernel.Tool.AskRaw(20, new byte[8]).Payload.Length);
        Assert.Equal(-1000, kernel.Tool.AskRaw(22, new byte[8]).Error);
        await using var v11 = new KernelFixture(dialect: KvmiDialect.V11);
        Assert.Equal(64, BitConverter.ToInt64(v11.Tool.AskRaw(20).Payload[8..]));
        Assert.Equal(8, v11.Tool.AskRaw(22, new byte[8]).Payload.Length);
    }
}
