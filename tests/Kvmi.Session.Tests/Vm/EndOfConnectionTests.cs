using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class EndOfConnectionTests
{
    public static TheoryData<string, string> BrokenMessages { get; } = new()
    {
        { "reply without command", "no command waits" },
        { "oversized", "announces 8185 payload bytes; v7 allows 8184" },
        { "short event", "malformed" },
        { "size field beyond the message", "malformed" },
        { "vCPU 5000", "names vCPU 5000" },
    };

    [Theory]
    [MemberData(nameof(BrokenMessages))]
    public async Task A_broken_message_closes_with_one_line_and_the_handler_is_told(string what, string expected)
    {
        Exception? commandError = null;
        var handler = new TestHandler
        {
            OnDetaching = (vm, _) => commandError = Record.Exception(() => vm.GetMaxGfn(out var _)),
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        var sequenceOfEvent = peer.Event(0, EventBody.Plain(EventKind.Hypercall));
        switch (what)
        {
            case "reply without command":
                peer.Reply(new MessageHeader(17, 0, 3), KvmiError.None);
                break;
            case "oversized":
                peer.SendRaw([1, 0, 0xf9, 0x1f, 1, 0, 0, 0]);
                break;
            case "short event":
                peer.SendRaw([1, 0, 4, 0, 1, 0, 0, 0, 1, 2, 3, 4]);
                break;
            case "size field beyond the message":
                sequenceOfEvent[9] = 0xff;
                peer.SendRaw(sequenceOfEvent);
                break;
            default:
                peer.SendEvent(5000, EventBody.Plain(EventKind.Hypercall));
                break;
        }

        Assert.Equal(DetachReason.ProtocolError, await handler.FirstDetached);
        Assert.True(peer.IsClosedByTool());
        Assert.Contains(expected, Assert.Single(server.Log.Warnings), StringComparison.Ordinal);
        Assert.Contains("#1", server.Log.Warnings.Single(), StringComparison.Ordinal);
        Assert.IsType<VmConnectionLostException>(commandError);
        TestServer.Until(() => !server.Gone.IsEmpty, "observer");
        var (status, reason, detail) = Assert.Single(server.Gone);
        Assert.Equal(1, status.Counters.ProtocolErrors);
        Assert.Equal(DetachReason.ProtocolError, reason);
        Assert.Contains(expected, detail, StringComparison.Ordinal);
        Assert.Empty(server.Server.Vms);
    }

    [Fact]
    public async Task A_second_event_of_a_waiting_vcpu_is_a_protocol_error()
    {
        var handler = Asking();
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
        peer.ReadCommand(CommandKind.GetMaxGfn);
        peer.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
        Assert.Equal(DetachReason.ProtocolError, await handler.FirstDetached);
        server.WaitForWarning("vCPU 0 sent an event (seq 2) while its event with seq 1 still waits");
    }

    [Fact]
    public async Task A_flood_of_notifications_is_bounded()
    {
        var handler = Asking();
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
        peer.ReadCommand(CommandKind.GetMaxGfn);
        for (var i = 0; i < 65; i++)
        {
            peer.SendEvent(0, EventBody.CommandError(KvmiError.Busy, 1, 2));
        }

        Assert.Equal(DetachReason.ProtocolError, await handler.FirstDetached);
        server.WaitForWarning("more than 64 notifications");
    }

    [Theory]
    [InlineData(1, "message header (1 of 8 bytes)")]
    [InlineData(8, "(id 1, 8 of 552 bytes)")]
    [InlineData(551, "(id 1, 551 of 552 bytes)")]
    public async Task A_close_in_mid_message_is_told(int sent, string expected)
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler);
        using (var peer = FakePeer.Attached(server.Path))
        {
            await handler.FirstAttached;
            peer.SendRaw(peer.Event(0, EventBody.Plain(EventKind.Hypercall)).AsSpan(0, sent));
        }

        Assert.Equal(DetachReason.PeerLost, await handler.FirstDetached);
        server.WaitForWarning("in the middle of a " + (sent < 8 ? expected : "message " + expected));
    }

    [Fact]
    public async Task What_came_before_the_close_is_still_dispatched()
    {
        var events = 0;
        var handler = new TestHandler { OnEvent = (IIntrospectedVm _, in EventFrame _, ref EventReply _) => events++ };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        peer.SendRaw([.. peer.Event(0, EventBody.Plain(EventKind.Hypercall)), .. peer.Event(1, EventBody.Plain(EventKind.Hypercall))]);
        peer.CloseSending();
        Assert.Equal(DetachReason.PeerLost, await handler.FirstDetached);
        peer.ReadEventReply(EventKind.Hypercall);
        peer.ReadEventReply(EventKind.Hypercall);
        Assert.Equal(2, events);
    }

    [Fact]
    public async Task A_close_while_a_command_waits_unwinds_the_handler()
    {
        var handler = Asking();
        await using var server = new TestServer(handler);
        using (var peer = FakePeer.Attached(server.Path))
        {
            peer.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
            peer.ReadCommand(CommandKind.GetMaxGfn);
        }

        Assert.Equal(DetachReason.PeerLost, await handler.FirstDetached);
        TestServer.Until(() => !server.Gone.IsEmpty, "observer");
        Assert.Single(server.Log.Warnings);
        Assert.Equal(0, server.Gone.Single().Vm.Counters.Replies);
    }

    [Fact]
    public async Task A_handler_that_swallows_the_loss_does_not_keep_the_connection()
    {
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame _, ref EventReply _) => Record.Exception(() => vm.GetMaxGfn(out var _)),
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
        var command = peer.ReadCommand(CommandKind.GetMaxGfn);
        peer.Reply(command with { Sequence = command.Sequence + 1 }, KvmiError.None);
        Assert.Equal(DetachReason.ProtocolError, await handler.FirstDetached);
        server.WaitForWarning($"was answered by a message with id 29, seq {command.Sequence + 1}");
    }

    [Fact]
    public async Task A_factory_that_fails_closes_the_peer()
    {
        await using var server = new TestServer(new FailingFactory());
        using var peer = FakePeer.Attached(server.Path);
        Assert.True(peer.IsClosedByTool());
        Assert.Contains(server.Log.Lines, line => line.Id == 2023);
    }

    [Fact]
    public async Task Unhook_finishes_queued_events_detaches_with_commands_and_closes()
    {
        var order = new List<string>();
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply _) =>
            {
                order.Add($"event {frame.Vcpu}");
                if (frame.Vcpu == 0)
                {
                    vm.GetMaxGfn(out var _);
                }
            },
            OnDetaching = (vm, reason) => order.Add($"{reason} {vm.ControlCr(1, 3, enable: false)}"),
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        peer.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
        var command = peer.ReadCommand(CommandKind.GetMaxGfn);
        peer.SendEvent(0, EventBody.Plain(EventKind.Unhook));
        peer.SendEvent(1, EventBody.Plain(EventKind.Hypercall));
        peer.Reply(command, [0, 0, 0, 0, 0, 0, 0, 0]);
        peer.ReadEventReply(EventKind.Hypercall);
        peer.ReadEventReply(EventKind.Hypercall);
        peer.Reply(peer.ReadCommand(CommandKind.ControlCr), KvmiError.None);
        Assert.True(peer.IsClosedByTool());
        Assert.Equal(["event 0", "event 1", "Unhook None"], order);
        TestServer.Until(() => !server.Gone.IsEmpty, "observer");
        Assert.Equal((DetachReason.Unhook, null), (server.Gone.Single().Reason, server.Gone.Single().Detail));
        Assert.Empty(server.Log.Warnings);
    }

    [Fact]
    public async Task Stop_while_events_wait_answers_every_one()
    {
        var dispatched = 0;
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                dispatched++;
                reply.NewValue = frame.OldValue;
                if (frame.Vcpu == 0)
                {
                    vm.GetMaxGfn(out var _);
                }
            },
            OnDetaching = (vm, _) => vm.ControlCr(0, 3, enable: false),
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 3);
        peer.SendEvent(0, EventBody.Cr(3, 1, 2));
        var command = peer.ReadCommand(CommandKind.GetMaxGfn);
        peer.SendEvent(1, EventBody.Cr(3, 3, 4));
        var stop = server.Server.StopAsync();
        peer.Reply(command, [0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(1UL, peer.ReadEventReply(EventKind.Cr).NewValue);
        Assert.Equal(3UL, peer.ReadEventReply(EventKind.Cr).NewValue);

        // While the handler gives back what it took, an event that was already on its way comes: it gets the guest's own value.
        command = peer.ReadCommand(CommandKind.ControlCr);
        peer.SendEvent(2, EventBody.Cr(3, 5, 6));
        peer.Reply(command, KvmiError.None);
        Assert.Equal((3u, 2, EventAction.Continue, 6UL), peer.ReadEventReply(EventKind.Cr));
        Assert.True(peer.IsClosedByTool());
        await stop;
        Assert.Equal(2, dispatched);
        Assert.Equal([DetachReason.Stopping], handler.Detached);
    }

    [Theory]
    [InlineData(0x90, EventAction.Retry)]
    [InlineData(0xCC, EventAction.Continue)]
    public async Task A_breakpoint_that_comes_while_the_handler_takes_its_own_back_is_the_guests_only_if_it_is_still_there(byte code, EventAction action)
    {
        var handler = new TestHandler { OnDetaching = (vm, _) => vm.WritePhysical(0x5000, [0x90]) };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        peer.SendEvent(0, EventBody.Plain(EventKind.Unhook));
        var write = peer.ReadCommand(CommandKind.WritePhysical);
        peer.SendEvent(1, EventBody.Breakpoint(0x5000, 1));
        peer.Reply(write, KvmiError.None);
        peer.Reply(peer.ReadCommand(CommandKind.ReadPhysical), [code]);
        Assert.Equal(action, peer.ReadEventReply(EventKind.Breakpoint).Action);
        Assert.True(peer.IsClosedByTool());
    }

    private static TestHandler Asking() => new()
    {
        OnEvent = (IIntrospectedVm vm, in EventFrame _, ref EventReply _) => vm.GetMaxGfn(out var _),
    };

    private sealed class FailingFactory : IVmHandlerFactory
    {
        public IVmHandler Create(IIntrospectedVm vm) => throw new InvalidOperationException("no handler");
    }
}
