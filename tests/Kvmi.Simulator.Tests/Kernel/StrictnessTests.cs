using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>What ends the connection and what does not (kvmi-later-dialects.md 3.4, 4.1, 4.4), and what then becomes of the guest.</summary>
public sealed class StrictnessTests
{
    private static Kvmi.Protocol.Dialects.Dialect D => RawTool.Dialect;

    public static TheoryData<string, ushort, byte[]> ClosingMessages => new()
    {
        { "vCPU header padding", 6, [0, 0, 1, 0, 0, 0, 0, 0] },
        { "PAUSE padding", 7, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0] },
        { "WRITE size above the payload", 18, [0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 2] },
        { "WRITE size below the payload", 18, [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2] },
        { "page access count above the payload", 21, [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
        { "event reply that nobody waits for", 0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] },
        { "event reply for a vCPU that does not exist", 0, [9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(ClosingMessages))]
    public async Task Closes_the_connection(string what, ushort id, byte[] payload)
    {
        await using var kernel = new KernelFixture();
        kernel.Tool.SendRaw(id, payload);
        kernel.Tool.ExpectClose();
        Assert.True(kernel.Hook.CloseReason is not null, what);
    }

    [Fact]
    public async Task A_message_above_the_limit_closes_before_its_body_is_read()
    {
        await using var kernel = new KernelFixture();
        kernel.Tool.SendBytes([2, 0, 0xf9, 0x1f, 1, 0, 0, 0]);
        kernel.Tool.ExpectClose();
    }

    [Fact]
    public async Task A_pause_forbidden_by_the_administrator_closes()
    {
        await using var kernel = new KernelFixture(events: [1]);
        kernel.Tool.Send((d, s) => D.Write(d, s, new PauseVcpu(0, false)));
        kernel.Tool.ExpectClose();
    }

    [Theory]
    [InlineData("wrong sequence number")]
    [InlineData("too long")]
    [InlineData("vCPU padding")]
    [InlineData("reply padding")]
    [InlineData("twice")]
    public async Task A_wrong_event_reply_closes_and_the_guest_goes_on(string what)
    {
        await using var kernel = new KernelFixture();
        var message = kernel.WriteCr3(1, 2);
        var buffer = new byte[64];
        var reply = new Kvmi.Protocol.Events.EventReply { NewValue = 9 };
        var length = D.WriteEventReply(buffer, message.Header.Sequence + (what == "wrong sequence number" ? 1u : 0), 0, EventKind.Cr, in reply);
        if (what == "too long")
        {
            buffer[2]++;
            length++;
        }

        buffer[10] = what == "vCPU padding" ? (byte)1 : (byte)0;
        buffer[18] = what == "reply padding" ? (byte)1 : (byte)0;
        kernel.Tool.SendBytes(buffer.AsSpan(0, length));
        if (what == "twice")
        {
            kernel.Tool.SendBytes(buffer.AsSpan(0, length));
        }

        kernel.Tool.ExpectClose();
        Assert.Equal(what == "twice" ? "cr 9" : "cr 2", kernel.NextDone());
    }

    [Fact]
    public async Task A_short_cr_reply_installs_zero()
    {
        await using var kernel = new KernelFixture();
        var message = kernel.WriteCr3(1, 2);
        var buffer = new byte[64];
        D.WriteEventReply(buffer, message.Header.Sequence, 0, EventKind.Cr, default);
        buffer[2] = 16;
        kernel.Tool.SendBytes(buffer.AsSpan(0, 24));
        Assert.Equal("cr 0", kernel.NextDone());
    }

    [Fact]
    public async Task An_unsupported_action_is_tolerated_and_the_write_is_not_carried_out()
    {
        await using var kernel = new KernelFixture();
        kernel.Tool.Answer(kernel.WriteCr3(1, 2), EventAction.Retry, newValue: 2);
        Assert.Equal("cr 1", kernel.NextDone());
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo)).Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Losing_the_tool_frees_every_vcpu_and_removes_what_it_armed(bool halfClose)
    {
        await using var kernel = new KernelFixture(vcpus: 2);
        kernel.WriteCr3(1, 2, vcpu: 0);
        kernel.WriteCr3(3, 4, vcpu: 1);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteSetPageAccess(d, s, 0, [new PageAccessEntry(0x2000, PageAccess.Read)])).Error);
        if (halfClose)
        {
            kernel.Tool.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        }
        else
        {
            kernel.Tool.Dispose();
        }

        Assert.Equal("cr 2", kernel.NextDone(0));
        Assert.Equal("cr 4", kernel.NextDone(1));
        Assert.Equal("clear", kernel.NextDone(0));
        Assert.Equal("clear", kernel.NextDone(1));
        await kernel.RehookAsync();
        Assert.True(kernel.Machine.TryGetPageAccess(0x2000, out var access));
        Assert.Equal(PageAccess.All, access);

        // A new hook starts from zero: nothing enabled, counter at 1.
        kernel.Tool.Send((d, s) => D.Write(d, s, new PauseVcpu(1, true)));
        var pause = kernel.Tool.Event(EventKind.PauseVcpu);
        Assert.Equal(1u, pause.Header.Sequence);
        kernel.Tool.Answer(pause);
        kernel.Machine[1].Queue(new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = 3, OldValue = 5, NewValue = 6 });
        Assert.Equal("cr 6", kernel.NextDone(1));
    }

    [Fact]
    public async Task Crash_ends_the_guest()
    {
        await using var kernel = new KernelFixture(vcpus: 2);
        kernel.Tool.Answer(kernel.WriteCr3(vcpu: 1), EventAction.Crash);
        kernel.Tool.ExpectClose();
        Assert.Equal(1, kernel.Crashed);
    }

    [Fact]
    public async Task Replies_of_vcpus_overtake_each_other()
    {
        await using var kernel = new KernelFixture(vcpus: 2);

        // vCPU 0 waits in an event; a VM command after a vCPU command is answered whatever vCPU 1 does.
        var message = kernel.WriteCr3();
        var first = kernel.Tool.Send((d, s) => D.WriteVcpuOnly(d, s, CommandKind.GetVcpuInfo, 0));
        var second = kernel.Tool.Send((d, s) => D.WriteVcpuOnly(d, s, CommandKind.GetVcpuInfo, 1));
        var third = kernel.Tool.Send((d, s) => D.WriteEmpty(d, s, CommandKind.GetMaxGfn));
        Assert.Equal(0, kernel.Tool.Reply(third).Error);
        Assert.Equal(0, kernel.Tool.Reply(second).Error);
        Assert.Equal(0, kernel.Tool.Reply(first).Error);
        kernel.Tool.Allow(message);
        Assert.Equal("cr 2", kernel.NextDone());
    }

    [Fact]
    public async Task Commands_of_one_vcpu_keep_their_order()
    {
        await using var kernel = new KernelFixture();
        var sent = Enumerable.Range(0, 200).Select(i => kernel.Tool.Send(
            (d, s) => i % 3 == 0 ? D.WriteVcpuOnly(d, s, CommandKind.GetVcpuInfo, 0) : D.Write(d, s, new TranslateGva(0, 0)))).ToList();
        Assert.Equal(sent, Enumerable.Range(0, 200).Select(_ => kernel.Tool.Next()!.Header.Sequence));
    }

    [Theory]
    [InlineData(0, 1, false, false)]
    [InlineData(0, 0, true, false)]
    [InlineData(1, 1, true, true)]
    [InlineData(1, 0, true, true)]
    public async Task Switching_replies_from_on(byte enable, byte now, bool answered, bool later)
    {
        await using var kernel = new KernelFixture();
        var control = kernel.Tool.SendRaw(27, enable, now, 0, 0, 0, 0, 0, 0);
        var check = kernel.Tool.Send((d, s) => D.Write(d, s, new CheckCommand(999)));
        var on = kernel.Tool.SendRaw(27, 1, 1, 0, 0, 0, 0, 0, 0);
        var expected = new List<uint>();
        expected.AddRange(answered ? [control] : []);
        expected.AddRange(later ? [check] : []);
        expected.Add(on);
        Assert.Equal(expected, expected.Select(_ => kernel.Tool.Next()!.Header.Sequence));
    }

    [Fact]
    public async Task Switching_replies_on_later_leaves_the_switch_itself_unanswered()
    {
        await using var kernel = new KernelFixture();
        kernel.Tool.SendRaw(27, 0, 1, 0, 0, 0, 0, 0, 0);
        kernel.Tool.SendRaw(27, 1, 0, 0, 0, 0, 0, 0, 0);
        var info = kernel.Tool.Send((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo));
        Assert.Equal(info, kernel.Tool.Next()!.Header.Sequence);
    }

    [Fact]
    public async Task With_replies_off_a_failure_becomes_an_event_if_asked_for()
    {
        await using var kernel = new KernelFixture();
        kernel.Tool.SendRaw(27, 0, 1, 1, 0, 0, 0, 0, 0);
        var check = kernel.Tool.Send((d, s) => D.Write(d, s, new CheckCommand(999)));
        var message = kernel.Tool.Event(EventKind.CommandError);
        var data = message.EventData;
        Assert.Equal(-22, BitConverter.ToInt32(data, 0));
        Assert.Equal(check, BitConverter.ToUInt32(data, 4));
        Assert.Equal(3, BitConverter.ToUInt16(data, 8));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(77)]
    [InlineData(5)]
    public async Task With_replies_off_a_command_that_must_answer_closes(ushort id)
    {
        await using var kernel = new KernelFixture(commands: [27]);
        kernel.Tool.SendRaw(27, 0, 1, 0, 0, 0, 0, 0, 0);
        kernel.Tool.SendRaw(id);
        kernel.Tool.ExpectClose();
    }

    [Fact]
    public async Task A_pause_batch_is_answered_once()
    {
        await using var kernel = new KernelFixture(vcpus: 2);
        kernel.Tool.SendRaw(27, 0, 1, 0, 0, 0, 0, 0, 0);
        kernel.Tool.Send((d, s) => D.Write(d, s, new PauseVcpu(0, true)));
        kernel.Tool.Send((d, s) => D.Write(d, s, new PauseVcpu(1, true)));
        var suffix = kernel.Tool.SendRaw(27, 1, 1, 0, 0, 0, 0, 0, 0);
        Assert.Equal(0, kernel.Tool.Reply(suffix).Error);
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.PauseVcpu));
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.PauseVcpu));
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetMaxGfn)).Error);
    }
}
