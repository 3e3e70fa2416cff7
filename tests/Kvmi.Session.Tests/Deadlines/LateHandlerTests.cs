using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Deadlines;

public class LateHandlerTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(50);

    [Fact]
    public async Task What_a_handler_says_after_its_deadline_is_dropped_and_counted()
    {
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (frame.NewValue == 1)
                {
                    SpinWait.SpinUntil(() => vm.Custody!.HasPassed);
                }

                reply.NewValue = 7;
            },
            OnDeadline = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) => reply.NewValue = 99,
        };
        await using var server = Serve(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.Cr(3, 0, 1));

        // Whoever is first answers; the handler that comes back at the very moment may still win.
        var first = peer.ReadEventReply(EventKind.Cr);
        Assert.Contains(first.NewValue, new ulong[] { 7, 99 });
        peer.SendEvent(0, EventBody.Cr(3, 0, 2));
        Assert.Equal((2u, 7ul), (peer.ReadEventReply(EventKind.Cr) is var (sequence, _, _, value) ? sequence : 0, value));
        var counters = Assert.Single(server.Server.Vms).Counters;
        Assert.Equal((2, 2), (counters.Events, counters.Replies));
        Assert.Equal(first.NewValue == 99 ? 1 : 0, counters.LateResults);
        Assert.Equal(0, server.Server.Deadlines.AbandonedThreads);
    }

    [Fact]
    public async Task An_event_whose_handler_waits_for_a_command_is_answered_in_time_and_the_command_is_carried_out()
    {
        var results = new TaskCompletionSource<(KvmiError First, Exception? Second)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (frame.Vcpu == 0)
                {
                    var first = vm.WritePhysical(0x1000, new byte[8]);
                    results.SetResult((first, Record.Exception(() => vm.WritePhysical(0x2000, new byte[8]))));
                }
            },
            OnDeadline = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) => reply.NewValue = 99,
        };
        await using var server = Serve(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        peer.SendEvent(0, EventBody.Cr(3, 0, 1));
        var command = peer.ReadCommand(CommandKind.WritePhysical);

        // The peer does not answer the command, and gets the answer to the event all the same.
        Assert.Equal((1u, (ushort)0, EventAction.Continue, 99ul), peer.ReadEventReply(EventKind.Cr));

        // The vCPU runs again and may send its next event while the command is still open.
        peer.SendEvent(0, EventBody.Cr(3, 0, 2));
        peer.Reply(command, KvmiError.None);
        var (first, second) = await results.Task;
        Assert.Equal(KvmiError.None, first);
        Assert.IsType<EventDeadlineException>(second);

        // The handler has told its results before it returns; what it returns late is counted after that.
        TestServer.Until(() => server.Server.Deadlines.LateResults + server.Server.Deadlines.AbandonedThreads == 1, "nothing was counted");
    }

    [Fact]
    public async Task A_handler_that_swallows_the_refusal_loses_its_thread()
    {
        var refusals = 0;
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                while (frame.Vcpu == 0)
                {
                    try
                    {
                        vm.GetMaxGfn(out _);
                    }
                    catch (EventDeadlineException)
                    {
                        refusals++;
                    }
                }
            },
        };
        await using var server = Serve(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        peer.SendEvent(0, EventBody.Cr(3, 0, 1));
        var answered = false;
        while (!answered)
        {
            var (header, _) = peer.ReadHeader();
            answered = FakePeer.V7.Classify(MessageDirection.ToolToKernel, header.Id) == MessageRole.EventReply;
            if (!answered)
            {
                peer.Reply(header, [0, 0, 16, 0, 0, 0, 0, 0]);
            }
        }

        TestServer.Until(() => server.Server.Deadlines.AbandonedThreads == 1, "the thread was not given up");
        Assert.True(refusals > 0);
        peer.SendEvent(1, EventBody.Cr(3, 0, 2));
        while (true)
        {
            var (header, message) = peer.ReadHeader();
            if (FakePeer.V7.Classify(MessageDirection.ToolToKernel, header.Id) == MessageRole.EventReply)
            {
                Assert.Equal(2u, header.Sequence);
                break;
            }

            peer.Reply(header, [0, 0, 16, 0, 0, 0, 0, 0]);
        }

        // HandlerAbandonedException is none of those that it swallows, so the thread ends.
        TestServer.Until(() => server.Server.Deadlines.AbandonedNow == 0, "the thread has not ended");
    }

    /// <summary>Handlers that take about as long as they may: whoever wins, the peer gets exactly one reply to each event.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Around_the_deadline_every_event_gets_exactly_one_reply(int seed)
    {
        const int Vcpus = 8;
        const int Events = 600;
        var random = new Random(seed);
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                // Its own arithmetic for the delay: a wait would be as coarse as the deadline.
                var start = TimeProvider.System.GetTimestamp();
                var delay = TimeSpan.FromMicroseconds(frame.NewValue);
                while (TimeProvider.System.GetElapsedTime(start) < delay)
                {
                    if (frame.OldValue == 1)
                    {
                        vm.GetMaxGfn(out _);
                    }
                }

                reply.NewValue = frame.NewValue;
            },
        };
        await using var server = Serve(handler, TimeSpan.FromMilliseconds(3));
        using var peer = FakePeer.Attached(server.Path, Vcpus);
        var waiting = new Dictionary<ushort, uint>();
        uint sent = 0;
        var replies = 0;
        while (replies < Events)
        {
            while (sent < Events && waiting.Count < Vcpus)
            {
                var vcpu = (ushort)Enumerable.Range(0, Vcpus).First(vcpu => !waiting.ContainsKey((ushort)vcpu));

                // Most are quick, the rest straddles the deadline, with commands and without.
                var delay = random.Next(4) == 0 ? random.Next(2500, 7000) : random.Next(50);
                peer.SendRaw(peer.Event(vcpu, EventBody.Cr(3, (ulong)random.Next(2), (ulong)delay), ++sent));
                waiting.Add(vcpu, sent);
            }

            var (header, message) = peer.ReadHeader();
            if (FakePeer.V7.Classify(MessageDirection.ToolToKernel, header.Id) != MessageRole.EventReply)
            {
                peer.Reply(header, [0, 0, 16, 0, 0, 0, 0, 0]);
                continue;
            }

            FakePeer.V7.ReadEventReply(message, EventKind.Cr, out var answered, out _, out _);
            Assert.True(waiting.Remove(answered, out var expected), $"vCPU {answered} was answered twice (seq {header.Sequence})");
            Assert.Equal(expected, header.Sequence);
            replies++;
        }

        var counters = Assert.Single(server.Server.Vms).Counters;
        Assert.Equal((Events, Events), (counters.Events, counters.Replies));
        Assert.InRange(counters.Timeouts, 1, Events);
        TestServer.Until(() => server.Server.Deadlines.AbandonedNow == 0, "threads that came back have not ended");
        var deadlines = server.Server.Deadlines;

        // Each time-out leaves a late result, or a handler that was refused something and ended by that exception.
        Assert.InRange(deadlines.LateResults, 1, deadlines.Timeouts);
    }

    private static TestServer Serve(TestHandler handler, TimeSpan? limit = null) =>
        new(handler, options => options with { EventTimeout = limit ?? Limit, CallTimeout = limit ?? Limit });
}
