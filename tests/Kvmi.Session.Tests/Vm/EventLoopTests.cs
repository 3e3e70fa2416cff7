using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class EventLoopTests
{
    [Fact]
    public async Task Events_that_arrive_while_a_command_waits_are_dispatched_afterwards_in_order()
    {
        var order = new List<string>();
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                order.Add($"begin {frame.Vcpu}");
                if (frame.Vcpu == 0)
                {
                    Span<byte> memory = stackalloc byte[4];
                    Assert.Equal(KvmiError.None, vm.ReadPhysical(0x1000, memory));
                    Assert.Equal(KvmiError.None, vm.ReadPhysical(0x2000, memory));
                }

                // The frame is the same after the commands as before them.
                Assert.Equal(0x1000u + frame.Vcpu, frame.Regs.Rip);
                reply.NewValue = frame.NewValue + 1;
                order.Add($"end {frame.Vcpu}");
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 4);
        peer.SendEvent(0, EventBody.Cr(3, 0, 10));
        var command = peer.ReadCommand(CommandKind.ReadPhysical);
        peer.SendEvent(2, EventBody.Cr(3, 0, 20));
        peer.SendEvent(1, EventBody.Msr(5, 0, 30));
        peer.Reply(command, [1, 2, 3, 4]);
        command = peer.ReadCommand(CommandKind.ReadPhysical);
        peer.SendEvent(3, EventBody.Cr(4, 0, 40));
        peer.Reply(command, [1, 2, 3, 4]);
        Assert.Equal((1u, 0, EventAction.Continue, 11UL), peer.ReadEventReply(EventKind.Cr));
        Assert.Equal((2u, 2, EventAction.Continue, 21UL), peer.ReadEventReply(EventKind.Cr));
        Assert.Equal((3u, 1, EventAction.Continue, 31UL), peer.ReadEventReply(EventKind.Msr));
        Assert.Equal((4u, 3, EventAction.Continue, 41UL), peer.ReadEventReply(EventKind.Cr));
        Assert.Equal(["begin 0", "end 0", "begin 2", "end 2", "begin 1", "end 1", "begin 3", "end 3"], order);
        Assert.Empty(server.Log.Warnings);
    }

    [Fact]
    public async Task Replies_that_wait_leave_before_a_command_does()
    {
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply _) =>
            {
                if (frame.Vcpu == 1)
                {
                    vm.GetMaxGfn(out var _);
                }
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        byte[] both = [.. peer.Event(0, EventBody.Plain(EventKind.Xsetbv)), .. peer.Event(1, EventBody.Plain(EventKind.Hypercall))];
        peer.SendRaw(both);
        peer.ReadEventReply(EventKind.Xsetbv);
        peer.Reply(peer.ReadCommand(CommandKind.GetMaxGfn), [1, 0, 0, 0, 0, 0, 0, 0]);
        peer.ReadEventReply(EventKind.Hypercall);
    }

    [Fact]
    public async Task Replies_to_one_batch_leave_in_one_send()
    {
        // Replies wait for each other only for a short time; by this clock none passes.
        await using var server = new TestServer(new TestHandler(), time: new StandingClock());
        using var peer = FakePeer.Attached(server.Path, vcpus: 8);
        var batch = new List<byte>();
        for (ushort vcpu = 0; vcpu < 8; vcpu++)
        {
            batch.AddRange(peer.Event(vcpu, EventBody.PageFault(1, 2, PageAccess.Write)));
        }

        peer.SendRaw(batch.ToArray());
        for (ushort vcpu = 0; vcpu < 8; vcpu++)
        {
            Assert.Equal(vcpu, peer.ReadEventReply(EventKind.PageFault).Vcpu);
        }

        // One write of the peer is one receive, and its answers one send: the first read of the peer got all eight.
        Assert.Equal(1, peer.ReceivesSinceSetup);
    }

    [Fact]
    public async Task An_event_that_comes_in_pieces_is_answered_once()
    {
        await using var server = new TestServer(new TestHandler());
        using var peer = FakePeer.Attached(server.Path);
        foreach (var value in peer.Event(0, EventBody.Cr(0, 1, 2)))
        {
            peer.SendRaw([value]);
        }

        Assert.Equal((1u, 0, EventAction.Continue, 2UL), peer.ReadEventReply(EventKind.Cr));
        peer.SendEvent(0, EventBody.Cr(0, 1, 3));
        Assert.Equal((2u, 0, EventAction.Continue, 3UL), peer.ReadEventReply(EventKind.Cr));
    }

    [Theory]
    [InlineData(EventKind.Breakpoint)]
    [InlineData(EventKind.Hypercall)]
    [InlineData(EventKind.PauseVcpu)]
    [InlineData(EventKind.CreateVcpu)]
    [InlineData(EventKind.Singlestep)]
    [InlineData(EventKind.Descriptor)]
    [InlineData(EventKind.Trap)]
    [InlineData(EventKind.Cpuid)]
    public async Task Every_kind_reaches_the_handler_and_is_answered(EventKind kind)
    {
        EventKind? seen = null;
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm _, in EventFrame frame, ref EventReply _) => seen = frame.Kind,
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, kind switch
        {
            EventKind.Breakpoint => EventBody.Breakpoint(1, 1),
            EventKind.Singlestep => EventBody.Singlestep(false),
            EventKind.Descriptor => EventBody.Descriptor(DescriptorTable.Gdtr, true),
            EventKind.Trap => EventBody.Trap(6, 0, 0),
            EventKind.Cpuid => EventBody.Cpuid(0, 0, 2),
            _ => EventBody.Plain(kind),
        });
        peer.ReadEventReply(kind);
        Assert.Equal(kind, seen);
    }

    [Fact]
    public async Task An_event_of_a_vcpu_that_was_plugged_in_later_is_answered()
    {
        await using var server = new TestServer(new TestHandler());
        using var peer = FakePeer.Attached(server.Path, vcpus: 1);
        peer.SendEvent(9, EventBody.Plain(EventKind.CreateVcpu));
        Assert.Equal(9, peer.ReadEventReply(EventKind.CreateVcpu).Vcpu);
    }

    [Fact]
    public async Task An_unknown_event_is_continued_and_logged_once()
    {
        await using var server = new TestServer(new TestHandler());
        using var peer = FakePeer.Attached(server.Path, vcpus: 4);
        for (var i = 0; i < 2; i++)
        {
            var message = peer.Event(3, EventBody.Plain(EventKind.Hypercall));
            message[8 + 4] = 200;
            peer.SendRaw(message);
            var (header, reply) = peer.ReadHeader();
            Assert.Equal(new MessageHeader(0, 16, (uint)i + 1), header);
            Assert.Equal([3, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0], reply[8..]);
        }

        Assert.Single(server.Log.Warnings);
        Assert.Contains("unknown event 200", server.Log.Warnings.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failing_handler_is_logged_and_the_event_answered_as_the_reply_stands()
    {
        var handler = new TestHandler
        {
            OnAttached = _ => throw new InvalidOperationException("attach"),
            OnEvent = (IIntrospectedVm _, in EventFrame frame, ref EventReply reply) =>
            {
                reply.NewValue = frame.OldValue;
                throw new InvalidOperationException("policy");
            },
            OnDetaching = (_, _) => throw new InvalidOperationException("detach"),
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.Cr(4, 5, 6));
        Assert.Equal(5UL, peer.ReadEventReply(EventKind.Cr).NewValue);
        await server.Server.StopAsync();
        Assert.Equal(3, Assert.Single(server.Arrived).Counters.HandlerErrors);
        Assert.Equal([2021, 2020, 2021], server.Log.Lines.Where(line => line.Id is 2020 or 2021).Select(line => line.Id));
    }

    [Theory]
    [InlineData(EventKind.Cr, EventAction.Retry)]
    [InlineData(EventKind.PageFault, (EventAction)9)]
    public async Task An_illegal_action_becomes_continue(EventKind kind, EventAction action)
    {
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm _, in EventFrame _, ref EventReply reply) => reply.Action = action,
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, kind == EventKind.Cr ? EventBody.Cr(4, 5, 6) : EventBody.PageFault(1, 2, PageAccess.Write));
        Assert.Equal(EventAction.Continue, peer.ReadEventReply(kind).Action);
        Assert.Contains(server.Log.Lines, line => line.Id == 2022);
    }

    [Fact]
    public async Task A_reply_that_does_not_fit_the_wire_becomes_continue()
    {
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm _, in EventFrame _, ref EventReply reply) => reply.Context = new byte[257],
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.PageFault(1, 2, PageAccess.Write));
        Assert.Equal(EventAction.Continue, peer.ReadEventReply(EventKind.PageFault).Action);
        Assert.Contains(server.Log.Lines, line => line.Id == 2020);
    }

    [Fact]
    public async Task Notifications_keep_their_place_among_the_events()
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
            OnNotification = (IIntrospectedVm _, in EventFrame frame) => order.Add($"{frame.FailedCommandError} {frame.FailedCommandSequence}"),
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        peer.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
        var command = peer.ReadCommand(CommandKind.GetMaxGfn);
        peer.SendEvent(0, EventBody.CommandError(KvmiError.Busy, 77, 3));
        peer.SendEvent(1, EventBody.Plain(EventKind.Hypercall));
        peer.SendEvent(0, EventBody.CommandError(KvmiError.Fault, 78, 3));
        peer.Reply(command, [1, 0, 0, 0, 0, 0, 0, 0]);
        peer.ReadEventReply(EventKind.Hypercall);
        peer.ReadEventReply(EventKind.Hypercall);
        TestServer.Until(() => server.Server.Vms[0].Counters.Notifications == 2, "notifications");
        await server.Server.StopAsync();
        Assert.Equal(["event 0", "Busy 77", "event 1", "Fault 78"], order);
    }

    [Fact]
    public async Task Idle_is_called_while_the_guest_is_silent_and_may_send_commands()
    {
        using var done = new ManualResetEventSlim();
        var idles = 0;
        var handler = new TestHandler
        {
            OnIdle = vm =>
            {
                if (++idles == 2)
                {
                    vm.PauseVcpu(0, wait: true);
                    done.Set();
                }
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.Reply(peer.ReadCommand(CommandKind.PauseVcpu), KvmiError.None);
        Assert.True(done.Wait(TimeSpan.FromSeconds(20)));
        peer.SendEvent(0, EventBody.Plain(EventKind.PauseVcpu));
        peer.ReadEventReply(EventKind.PauseVcpu);
    }
}
