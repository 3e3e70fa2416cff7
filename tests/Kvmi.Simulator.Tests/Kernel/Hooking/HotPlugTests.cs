using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel.Hooking;

public sealed class HotPlugTests
{
    private static Kvmi.Protocol.Dialects.Dialect D => RawTool.Dialect;

    [Fact]
    public async Task A_plugged_vcpu_counts_at_once_says_try_again_until_it_is_started_and_then_reports_itself()
    {
        await using var vm = new HookFixture();
        vm.Start();
        var tool = await vm.HookedAsync();
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new ControlVmEvents(9, 1))).Error);
        Assert.Equal(1, VcpuCount(tool));
        Assert.True(vm.Machine.TryAddVcpu(out var index));
        Assert.Equal(1, index);
        Assert.Equal(2, VcpuCount(tool));
        Assert.Equal(-11, tool.Ask((b, s) => D.WriteGetRegisters(b, s, 1, [])).Error);
        Assert.Equal(-11, tool.Ask((b, s) => D.Write(b, s, new PauseVcpu(1, false))).Error);
        Assert.Equal(-22, tool.Ask((b, s) => D.Write(b, s, new PauseVcpu(2, false))).Error);
        Assert.Empty(tool.TakePutAside());

        vm.Machine[1].Start();
        var created = tool.Event(EventKind.CreateVcpu);
        Assert.Equal(1, created.Vcpu);
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new ControlEvents(1, 1, 1))).Error);
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new ControlCr(1, 3, 1))).Error);
        tool.Allow(created);
        vm.Machine[1].Queue(new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = 3, OldValue = 1, NewValue = 2 });
        var written = tool.Event(EventKind.Cr);
        Assert.Equal(1, written.Vcpu);
        tool.Allow(written);
        Assert.Equal("cr 2", vm.Machine[1].Done.Take());
    }

    [Fact]
    public async Task A_tool_that_did_not_ask_is_not_told_of_a_new_vcpu()
    {
        await using var vm = new HookFixture();
        vm.Start();
        var tool = await vm.HookedAsync();
        Assert.True(vm.Machine.TryAddVcpu(out _));
        vm.Machine[1].Start();
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new PauseVcpu(1, true))).Error);
        tool.Allow(tool.Event(EventKind.PauseVcpu));
    }

    [Fact]
    public async Task A_plugged_vcpu_must_leave_the_hook_too_and_joins_the_next()
    {
        await using var vm = new HookFixture();
        vm.Start();
        await vm.HookedAsync();
        Assert.True(vm.Machine.TryAddVcpu(out _));
        var hook = vm.Vm.Current!;
        await vm.UnhookAsync();
        await hook.AllVcpusLeft.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
        Assert.True(vm.Machine.TryAddVcpu(out _));

        var tool = await vm.HookedAsync();
        Assert.Equal(3, VcpuCount(tool));
        Assert.Equal(-11, tool.Ask((b, s) => D.WriteGetRegisters(b, s, 2, [])).Error);
        vm.Machine[2].Start();
        while (tool.Ask((b, s) => D.WriteGetRegisters(b, s, 2, [])) is { Error: var error } && error != 0)
        {
            Assert.Equal(-11, error);
        }
    }

    private static int VcpuCount(RawTool tool) =>
        BinaryPrimitives.ReadInt32LittleEndian(tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo)).Payload[8..]);
}
