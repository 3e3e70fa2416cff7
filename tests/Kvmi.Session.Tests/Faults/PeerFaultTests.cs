using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Faults;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Faults;

public class PeerFaultTests
{
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Fact]
    public async Task A_lost_peer_is_lost_like_one_that_died_and_may_come_back()
    {
        // The third message: the answer about unhook and one event pass.
        var fault = new FaultInjection("lost-peer", 0.3, SeedFor("lost-peer", 0.3, false, false, true));
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) => reply.NewValue = 7,
        };
        await using var server = new TestServer(handler, options => options with { Faults = new PeerFaults { LostPeer = fault } });
        using (var peer = FakePeer.Attached(server.Path))
        {
            peer.SendEvent(0, Write);
            Assert.Equal(7ul, peer.ReadEventReply(EventKind.Cr).NewValue);
            peer.SendEvent(0, Write);
            Assert.True(peer.IsClosedByTool());
        }

        TestServer.Until(() => server.Gone.Count == 1, "the VM is not gone");
        Assert.True(server.Gone.TryDequeue(out var gone));
        Assert.Equal(DetachReason.PeerLost, gone.Reason);
        Assert.Contains("fault injection", gone.Detail, StringComparison.Ordinal);
        Assert.Equal((3, 1), (fault.Opportunities, fault.Injected));
        Assert.Equal([DetachReason.PeerLost], handler.Detached);

        using var again = FakePeer.Attached(server.Path);
        TestServer.Until(() => server.Arrived.Count == 2, "the VM has not come back");
    }

    [Fact]
    public async Task A_late_answer_makes_the_event_wait_for_its_deadline_and_not_longer()
    {
        var late = new FaultInjection("slow-peer", 0.3, SeedFor("slow-peer", 0.3, false, true, false));
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                vm.WritePhysical(0x1000, new byte[8]);
                reply.NewValue = 7;
            },
            OnDeadline = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) => reply.NewValue = 99,
        };
        await using var server = new TestServer(handler, options => options with
        {
            EventTimeout = TimeSpan.FromMilliseconds(300),
            Faults = new PeerFaults { SlowPeer = late, SlowPeerDelay = TimeSpan.FromSeconds(2) },
        });
        using var peer = FakePeer.Attached(server.Path);

        // The first wait is that about unhook; the second one is late although the peer answers at once.
        peer.SendEvent(0, Write);
        peer.Reply(peer.ReadCommand(CommandKind.WritePhysical), KvmiError.None);
        Assert.Equal(99ul, peer.ReadEventReply(EventKind.Cr).NewValue);
        TestServer.Until(() => server.Server.Deadlines.LateResults == 1, "the handler has not come back");
        Assert.Equal((2, 1), (late.Opportunities, late.Injected));
        Assert.Equal((1, 0), (server.Server.Deadlines.Timeouts, server.Server.Deadlines.AbandonedThreads));
        var counters = Assert.Single(server.Server.Vms).Counters;
        Assert.Equal((1, 1), (counters.Events, counters.Replies));
    }

    [Fact]
    public void A_delay_that_no_command_survives_is_refused()
    {
        foreach (var delay in new[] { TimeSpan.Zero, TimeSpan.FromSeconds(5) })
        {
            Assert.Throws<ArgumentException>(() => new KvmiServer(
                new KvmiServerOptions
                {
                    Endpoints = [KvmiEndpoint.Parse("unix:/nowhere")],
                    Faults = new PeerFaults { SlowPeerDelay = delay },
                },
                _ => throw new InvalidOperationException()));
        }
    }

    /// <summary>A seed with which the first opportunities go as the test needs it.</summary>
    private static ulong SeedFor(string name, double rate, params bool[] pattern)
    {
        for (ulong seed = 0; ; seed++)
        {
            var fault = new FaultInjection(name, rate, seed);
            if (Array.TrueForAll(pattern, hit => fault.Strikes() == hit))
            {
                return seed;
            }
        }
    }
}
