using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Kernel.Hooking;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Tests.Kernel.Hooking;
using Kvmi.Simulator.Tests.Machine;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>Which event comes when (kvmi-later-dialects.md 3.10), and events that come again as captured kernels show them.</summary>
public sealed class OrderTests
{
    private static Dialect D => RawTool.Dialect;

    [Fact]
    public async Task A_vcpu_that_waits_in_an_event_gets_its_pause_event_after_that_one()
    {
        await using var kernel = new KernelFixture();
        var write = kernel.WriteCr3();
        Assert.Equal(0, kernel.Tool.Ask((b, s) => D.Write(b, s, new PauseVcpu(0, true))).Error);
        Assert.Equal(0, kernel.Tool.Ask((b, s) => D.WriteGetRegisters(b, s, 0, [])).Error);
        Assert.Empty(kernel.Tool.TakePutAside());
        kernel.Tool.Allow(write);
        var pause = kernel.Tool.Event(EventKind.PauseVcpu);
        Assert.Equal(write.Header.Sequence + 1, pause.Header.Sequence);

        // The write was carried out before the pause.
        Assert.Equal("cr 2", kernel.NextDone());
        kernel.Tool.Answer(pause);
    }

    [Fact]
    public async Task An_injected_exception_is_told_of_before_what_else_is_due()
    {
        await using var kernel = new KernelFixture();
        var write = kernel.WriteCr3();
        Assert.Equal(0, kernel.Tool.Ask((b, s) => D.Write(b, s, new PauseVcpu(0, false))).Error);
        Assert.Equal(0, kernel.Tool.Ask((b, s) => D.Write(b, s, new InjectException(0, 6, 0, 0))).Error);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = 3, OldValue = 2, NewValue = 3 });
        kernel.Tool.Allow(write);
        foreach (var kind in new[] { EventKind.Trap, EventKind.PauseVcpu, EventKind.Cr })
        {
            kernel.Tool.Allow(kernel.Tool.Event(kind));
        }
    }

    [Fact]
    public async Task The_same_breakpoint_comes_again_until_the_tool_moves_on()
    {
        var guest = new BareMachine(code => code.int3());
        await using var vm = new HookFixture(machine: guest.Machine);
        var tool = await vm.HookedAsync();
        Assert.True(D.TryGetEventId(EventKind.Breakpoint, out var id));
        var armed = tool.Send((b, s) => D.Write(b, s, new ControlEvents(0, id, 1)));
        vm.Start();
        Assert.Equal(0, tool.Reply(armed).Error);
        for (var again = 1u; again <= 3; again++)
        {
            var message = tool.Event(EventKind.Breakpoint);
            Assert.Equal(again, message.Header.Sequence);
            Assert.Equal(BareMachine.Code, RegistersOf(message).Rip);
            tool.Answer(message, EventAction.Retry);
        }

        var last = tool.Event(EventKind.Breakpoint);
        var registers = RegistersOf(last);
        registers.Rip++;
        Assert.Equal(0, tool.Ask((b, s) => D.WriteSetRegisters(b, s, 0, in registers)).Error);
        tool.Answer(last, EventAction.Retry);
        await vm.Halted.Task.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
        Assert.Equal(BareMachine.Code + 2, guest.Regs.Rip);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_forbidden_fetch_is_told_of_twice_where_the_captured_kernels_are_followed(bool repeats)
    {
        await using var kernel = new KernelFixture(repeatsFetchEvents: repeats);
        Assert.Equal(0, kernel.EnableEvent(EventKind.PageFault).Error);
        Assert.Equal(0, kernel.Tool.Ask((b, s) => D.WriteSetPageAccess(
            b, s, 0, [new PageAccessEntry(0x1000, PageAccess.None), new PageAccessEntry(0x2000, PageAccess.None)])).Error);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gva = 0x1000, Gpa = 0x1000, Access = PageAccess.Execute });
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.PageFault));
        if (repeats)
        {
            var second = kernel.Tool.Event(EventKind.PageFault);
            Assert.Equal(2u, second.Header.Sequence);
            kernel.Tool.Answer(second);
        }

        Assert.Equal("pf", kernel.NextDone());

        // Reads and writes, and a fetch that the tool wants tried again, are told of once.
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gva = 0x1000, Gpa = 0x1000, Access = PageAccess.Write });
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.PageFault));
        Assert.Equal("pf", kernel.NextDone());
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gva = 0x1000, Gpa = 0x1000, Access = PageAccess.Execute });
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.PageFault), EventAction.Retry);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gva = 0x2000, Gpa = 0x2000, Access = PageAccess.Read });
        var read = kernel.Tool.Event(EventKind.PageFault);
        Assert.Equal(0x2000UL, BitConverter.ToUInt64(read.EventData));
        kernel.Tool.Answer(read);
    }

    [Fact]
    public async Task A_tool_that_shuts_its_socket_down_but_keeps_it_open_has_ended_the_session()
    {
        await using var vm = new HookFixture();
        vm.Start();
        var tool = await vm.HookedAsync();
        var hook = vm.Vm.Current!;
        tool.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await hook.AllVcpusLeft.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
        tool.ExpectClose();
        Assert.Equal(IoctlError.None, await vm.UnhookAsync());
        await vm.HookedAsync();
    }

    [Fact]
    public async Task A_tool_that_says_nothing_for_days_stays_hooked()
    {
        var time = new ManualTime();
        await using var vm = new HookFixture(time: time);
        vm.Start();
        var tool = await vm.HookedAsync();
        Assert.Equal(0, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        time.Advance(TimeSpan.FromDays(3));
        Assert.Equal(0, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
    }

    private static KvmRegs RegistersOf(ReceivedMessage message)
    {
        Assert.Equal(DecodeStatus.Ok, D.ReadEvent(message.Bytes, out var frame));
        return frame.Regs;
    }
}
