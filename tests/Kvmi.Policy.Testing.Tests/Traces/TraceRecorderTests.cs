using Kvmi.Policy.Testing.Guests;
using Kvmi.Policy.Testing.Rig;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Recording;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Handshake;

namespace Kvmi.Policy.Testing.Tests.Traces;

public sealed class TraceRecorderTests
{
    private static readonly byte[] Message = [13, 0, 4, 0, 1, 0, 0, 0, 9, 9, 9, 9];

    [Fact]
    public void What_a_connection_says_is_in_the_trace_in_order_and_with_its_time()
    {
        var clock = new ManualClock();
        var stream = new MemoryStream();
        using (var recorder = new TraceRecorder(stream, clock))
        {
            var tap = recorder.Open("unix:1#1")!;
            tap.Received(Message);
            clock.Advance(TimeSpan.FromMilliseconds(5));
            tap.Sent(Message);
            tap.Ended(null, "it left");
        }

        using var trace = SampleTrace.Open(stream.ToArray());
        var messages = trace.Records().OfType<TraceMessage>().ToList();
        Assert.Equal([MessageDirection.KernelToTool, MessageDirection.ToolToKernel], messages.Select(message => message.Direction));
        Assert.Equal([0, 5_000_000], messages.Select(message => message.Nanoseconds));
        Assert.All(messages, message => Assert.Equal(Message, message.Bytes));
        Assert.Equal("it left", Assert.Single(trace.Records().OfType<TraceDetached>()).Detail);
        Assert.Null(trace.Incomplete);
    }

    [Fact]
    public void Threads_that_vcpus_wait_for_allocate_nothing()
    {
        using var policies = new TestPolicies();
        policies.Write("keeper", "mode: enforce\nsubscriptions:\n  - event: cr\n    when: { cr: 3 }\n    handler: OnCr3", "Decision OnCr3(CrEvent e) => Keep(e.Old);");
        var vm = new FakeVm();
        using var rig = new PolicyRig(policies.Build(), vm, new ManualClock());
        var dialect = Dialect.Find(vm.Capabilities.Dialect)!;
        var message = new byte[8192];
        var state = TestMachine.KernelState();
        var length = dialect.WriteEvent(message, 1, 0, in state, EventBody.Cr(3, 1, 2));
        rig.Decide(message.AsSpan(0, length), new byte[8192]);
        Assert.Equal(1, rig.Outcome.VoteCount);

        using var recorder = new TraceRecorder(new MemoryStream(), new ManualClock());
        var connection = (RecordedConnection)recorder.Open("a")!;
        long allocated = 0;
        for (var i = 0; i < 200; i++)
        {
            // The first rounds compile.
            if (i == 100)
            {
                allocated = GC.GetAllocatedBytesForCurrentThread();
            }

            connection.Received(message.AsSpan(0, length));
            connection.Decided(1, 0, recorder.Timestamp(), rig.Outcome);
            connection.Sent(message.AsSpan(0, 64));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - allocated);
    }

    [Fact]
    public void The_secret_of_the_handshake_stays_out_of_the_trace()
    {
        var stream = new MemoryStream();
        var answer = new byte[HandshakeAnswer.Length];
        HandshakeAnswer.Write(answer, Enumerable.Repeat((byte)0x5a, 20).ToArray());
        using (var recorder = new TraceRecorder(stream, new ManualClock()))
        {
            recorder.Open("a")!.Sent(answer);
        }

        using var trace = SampleTrace.Open(stream.ToArray());
        var bytes = Assert.Single(trace.Records().OfType<TraceMessage>()).Bytes;
        Assert.Equal(answer.Length, bytes.Length);
        Assert.DoesNotContain((byte)0x5a, bytes);
    }

    [Fact]
    public void What_finds_no_room_leaves_a_gap_where_it_was()
    {
        using var gate = new GatedStream();
        using (var recorder = new TraceRecorder(gate, new ManualClock(), KeptContents.All, null, ring: 0))
        {
            var tap = recorder.Open("a")!;
            var large = new byte[60_000];
            for (var i = 0; i < 3; i++)
            {
                tap.Received(large);
            }

            gate.WaitUntilBlocked();
            for (var i = 0; i < 20; i++)
            {
                tap.Received(large);
            }

            gate.Open();
            Assert.True(SpinWait.SpinUntil(() => recorder.Waiting == 0, TimeSpan.FromSeconds(60)));
            tap.Sent(Message);
            tap.Ended(null, null);
        }

        using var trace = SampleTrace.Open(gate.ToArray());
        var records = trace.Records().ToList();
        var gap = records.FindIndex(record => record is TraceGap);
        Assert.True(gap > 0, "no gap");
        var lost = Assert.Single(records.OfType<TraceGap>()).Lost;
        Assert.Equal(24, lost + records.OfType<TraceMessage>().Count());
        Assert.Equal(MessageDirection.ToolToKernel, Assert.IsType<TraceMessage>(records[gap + 1]).Direction);
        Assert.Equal(lost, Assert.Single(records.OfType<TraceEnd>()).Lost);
    }

    [Fact]
    public void A_full_disk_ends_the_recording_and_leaves_what_is_whole()
    {
        var stream = new FullStream(limit: 40_000);
        string? problem = null;
        var random = new Random(3);
        var noise = new byte[30_000];
        random.NextBytes(noise);
        using (var recorder = new TraceRecorder(stream, new ManualClock(), KeptContents.All, said => problem = said))
        {
            var tap = recorder.Open("a")!;
            Assert.True(SpinWait.SpinUntil(
                () =>
                {
                    random.NextBytes(noise);
                    tap.Received(noise);
                    return recorder.IsEnded;
                },
                TimeSpan.FromSeconds(60)));
            tap.Received(noise);
            Assert.Null(recorder.Open("b"));
        }

        Assert.Contains("No space", problem, StringComparison.Ordinal);
        using var trace = SampleTrace.Open(stream.ToArray());
        Assert.NotNull(trace.Incomplete);
        Assert.Empty(trace.Problems);
        Assert.Contains("0 bytes from", trace.Incomplete, StringComparison.Ordinal);
    }

    /// <summary>A slow disk: after the header, the first write waits until it is let go.</summary>
    private sealed class GatedStream : MemoryStream
    {
        private readonly ManualResetEventSlim _blocked = new();
        private readonly ManualResetEventSlim _open = new();
        private int _writes;

        public void WaitUntilBlocked() => Assert.True(_blocked.Wait(TimeSpan.FromSeconds(60)));

        public void Open() => _open.Set();

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (Interlocked.Increment(ref _writes) == 2)
            {
                _blocked.Set();
                Assert.True(_open.Wait(TimeSpan.FromSeconds(60)));
            }

            base.Write(buffer, offset, count);
        }

        public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);
    }

    private sealed class FullStream(int limit) : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count)
        {
            if (Position + count > limit)
            {
                base.Write(buffer, offset, (int)(limit - Position));
                throw new IOException("No space left on device");
            }

            base.Write(buffer, offset, count);
        }

        public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);
    }
}
