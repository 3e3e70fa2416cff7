using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Latency;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

/// <summary>Replies that wait for others, so that all leave in one write: not for long, never for a deadline, and none twice.</summary>
public class CoalescingTests
{
    private const int EventsPerRun = 80;
    private const ulong ByHandler = 0x5555;
    private const ulong ByDeadline = 0x9999;
    private static readonly TimeSpan Never = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task A_reply_that_is_ready_does_not_wait_for_the_next_handler()
    {
        using var isHere = new ManualResetEventSlim();
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (frame.Vcpu == 1)
                {
                    Assert.True(isHere.Wait(TimeSpan.FromMinutes(2)), "the reply to vCPU 0 waits for the handler of vCPU 1");
                }
            },
        };
        await using var server = new TestServer(handler, options => options with { EventTimeout = Never });
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        byte[] both = [.. peer.Event(0, EventBody.Cr(3, 0, 1)), .. peer.Event(1, EventBody.Cr(3, 0, 2))];
        peer.SendRaw(both);
        Assert.Equal(0, peer.ReadEventReply(EventKind.Cr).Vcpu);
        isHere.Set();
        Assert.Equal(1, peer.ReadEventReply(EventKind.Cr).Vcpu);
        Assert.Equal(0, server.Server.Deadlines.Timeouts);
        await server.Server.StopAsync();
        Assert.Empty(server.Log.Warnings);
    }

    /// <summary>The clock stands still: neither the time that a reply may wait nor the watchdog sends anything.</summary>
    [Fact]
    public async Task Replies_leave_in_groups_while_the_rest_of_the_batch_is_decided()
    {
        using var areHere = new ManualResetEventSlim();
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (frame.Vcpu == 2)
                {
                    Assert.True(areHere.Wait(TimeSpan.FromMinutes(2)), "the replies to vCPU 0 and 1 wait for the handler of vCPU 2");
                }
            },
        };
        await using var server = new TestServer(handler, options => options with { EventTimeout = Never }, new StandingTime());
        using var peer = FakePeer.Attached(server.Path, vcpus: 4);
        peer.SendRaw([.. Enumerable.Range(0, 4).SelectMany(vcpu => peer.Event((ushort)vcpu, EventBody.Cr(3, 0, 1)).ToArray())]);
        Assert.Equal(0, peer.ReadEventReply(EventKind.Cr).Vcpu);
        Assert.Equal(1, peer.ReadEventReply(EventKind.Cr).Vcpu);
        areHere.Set();
        Assert.Equal(2, peer.ReadEventReply(EventKind.Cr).Vcpu);
        Assert.Equal(3, peer.ReadEventReply(EventKind.Cr).Vcpu);
        await server.Server.StopAsync();
        Assert.Empty(server.Log.Warnings);
    }

    /// <summary>Events in batches and pieces, handlers that are quick, throw, send commands or miss their deadline, and a peer that may leave.</summary>
    [Theory]
    [InlineData(LatencyMode.Idle)]
    [InlineData(LatencyMode.Balanced)]
    [InlineData(LatencyMode.Low)]
    public void Every_vcpu_gets_exactly_one_answer(LatencyMode mode)
    {
        var inputs = Gen.Choose(0, int.MaxValue - 1).Zip(Gen.Choose(1, 8)).ToArbitrary();
        var property = Prop.ForAll(inputs, input => RunAsync(input.Item1, (ushort)input.Item2, mode).GetAwaiter().GetResult());
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(12), property);
    }

    private static async Task<bool> RunAsync(int seed, ushort vcpus, LatencyMode mode)
    {
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                reply.NewValue = frame.NewValue ^ ByHandler;
                switch (frame.NewValue % 16)
                {
                    case 0:
                        SpinWait.SpinUntil(() => vm.Custody!.HasPassed);
                        break;
                    case 1 or 2:
                        throw new InvalidOperationException("on purpose");
                    case 3 or 4:
                        vm.ReadPhysical(frame.NewValue << 4, new byte[16]);
                        break;
                }
            },
            OnDeadline = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) => reply.NewValue = frame.NewValue ^ ByDeadline,
        };
        await using var server = new TestServer(
            handler, options => options with { EventTimeout = TimeSpan.FromMilliseconds(15), Latency = mode });
        var random = new Random(seed);
        var leavesAfter = random.Next(0, 3) == 0 ? random.Next(1, EventsPerRun) : int.MaxValue;
        var waiting = new Dictionary<ushort, (uint Sequence, ulong Value)>();
        var sent = 0u;
        using (var peer = FakePeer.Attached(server.Path, vcpus))
        {
            while (sent < leavesAfter && (sent < EventsPerRun || waiting.Count > 0))
            {
                var batch = new List<byte>();
                for (var room = random.Next(0, 9); (room > 0 || waiting.Count == 0) && waiting.Count < vcpus && sent < EventsPerRun; room--)
                {
                    var idle = Enumerable.Range(0, vcpus).Select(vcpu => (ushort)vcpu).Where(vcpu => !waiting.ContainsKey(vcpu)).ToArray();
                    var vcpu = idle[random.Next(idle.Length)];
                    var value = (ulong)random.Next(1, 1 << 20);
                    batch.AddRange(peer.Event(vcpu, EventBody.Cr(3, 0, value), ++sent));
                    waiting.Add(vcpu, (sent, value));
                }

                var bytes = batch.ToArray();
                var cut = random.Next(0, bytes.Length + 1);
                peer.SendRaw(bytes.AsSpan(0, cut));
                peer.SendRaw(bytes.AsSpan(cut));
                Answer(peer, waiting);
            }

            if (sent >= leavesAfter)
            {
                peer.Dispose();
                await handler.FirstDetached;
                Assert.InRange(server.Server.EventsAnswered, 0, sent);
                return true;
            }

            await server.Server.StopAsync();
            Assert.True(peer.IsClosedByTool(), "the tool has not closed");
        }

        // What came at the end came after the last answer: there is no second one.
        Assert.Equal(EventsPerRun, server.Server.EventsAnswered);
        return true;
    }

    /// <summary>Reads one message: a command, which is answered, or the one answer that a vCPU waits for.</summary>
    private static void Answer(FakePeer peer, Dictionary<ushort, (uint Sequence, ulong Value)> waiting)
    {
        var (header, message) = peer.ReadHeader();
        if (header.Id != 0)
        {
            peer.Reply(header, new byte[16]);
            return;
        }

        FakePeer.V7.ReadEventReply(message, EventKind.Cr, out var vcpu, out _, out var reply);
        Assert.True(waiting.Remove(vcpu, out var expected), $"vCPU {vcpu} was answered without waiting (seq {header.Sequence})");
        Assert.Equal(expected.Sequence, header.Sequence);

        // Any handler may miss its deadline on a busy machine.
        Assert.Contains(reply.NewValue, new[]
        {
            expected.Value ^ ByDeadline,
            expected.Value ^ ByHandler,
        });
    }

    private sealed class StandingTime : TimeProvider
    {
        public override long GetTimestamp() => 1;
    }
}
