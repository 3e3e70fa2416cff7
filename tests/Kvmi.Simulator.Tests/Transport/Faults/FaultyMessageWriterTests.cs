using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Scenarios;
using Kvmi.Simulator.Transport;
using Kvmi.Simulator.Transport.Faults;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Simulator.Tests.Transport.Faults;

/// <summary>What each fault does to the bytes on their way, in every dialect.</summary>
public sealed class FaultyMessageWriterTests
{

    public static TheoryData<KvmiDialect> Dialects => [.. Kvmi.Protocol.Dialects.Dialect.All.Select(dialect => dialect.Id)];

    [Theory]
    [MemberData(nameof(Dialects))]
    public void A_message_that_no_fault_concerns_passes_as_it_is(KvmiDialect dialect)
    {
        using var way = new Way("- {kind: wrong-seq, on: replies}", dialect);
        Assert.True(way.Send(way.Event(7)));
        Assert.Equal([way.Event(7)], way.Sent);
        Assert.Null(way.Writer.BrokenBy);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public void Short_writes_send_every_byte_in_pieces(KvmiDialect dialect)
    {
        using var way = new Way("- {kind: short-writes, bytes: 100}\n  - {kind: short-writes, on: replies}", dialect);
        var message = way.Event(1);
        way.Send(message);
        Assert.Equal((message.Length + 99) / 100, way.Sent.Count);
        Assert.Equal(message, way.AllBytes);
        Assert.All(way.Sent, piece => Assert.True(piece.Length <= 100));
    }

    [Fact]
    public void One_byte_is_the_smallest_piece_and_the_default()
    {
        using var way = new Way("- {kind: short-writes, on: replies}");
        way.Send(way.Reply(3, 16));
        Assert.Equal(way.Reply(3, 16).Length, way.Sent.Count);
        Assert.Equal(way.Reply(3, 16), way.AllBytes);
    }

    [Fact]
    public async Task A_slow_kernel_waits_before_the_message()
    {
        using var way = new Way("- {kind: slow-kernel, delay: 3s}");
        var sending = Task.Run(() => way.Send(way.Event(1)), TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => way.Time.Armed.Length > 0, RawTool.GiveUpMilliseconds));
        Assert.Equal([TimeSpan.FromSeconds(3)], way.Time.Armed);
        Assert.Empty(way.Sent);
        way.Time.FireNext();
        await sending.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds), TestContext.Current.CancellationToken);
        Assert.Equal([way.Event(1)], way.Sent);
    }

    [Fact]
    public async Task The_end_of_the_connection_ends_a_wait()
    {
        using var way = new Way("- {kind: slow-kernel, delay: 3600s}");
        var sending = Task.Run(() => way.Send(way.Event(1)), TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => way.Time.Armed.Length > 0, RawTool.GiveUpMilliseconds));
        way.Closed.SetResult();
        await sending.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_reply_is_held_back_until_an_event_has_gone()
    {
        using var way = new Way("- {kind: event-between}");
        way.Send(way.Reply(5));
        Assert.Empty(way.Sent);
        way.Send(way.Event(1));
        Assert.Equal([way.Event(1), way.Reply(5)], way.Sent);
    }

    [Fact]
    public void A_held_reply_goes_when_the_time_is_over_and_replies_keep_their_order()
    {
        using var way = new Way("- {kind: event-between, every: 2, delay: 1s}");
        way.Send(way.Reply(5));
        way.Time.FireNext();
        Assert.Equal([way.Reply(5)], way.Sent);

        way.Send(way.Reply(6));
        way.Send(way.Reply(7));
        Assert.Equal([way.Reply(5), way.Reply(6)], way.Sent);
        way.Send(way.Reply(8));
        Assert.Equal([way.Reply(5), way.Reply(6), way.Reply(7), way.Reply(8)], way.Sent);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public void A_wrong_sequence_number_is_all_that_differs(KvmiDialect dialect)
    {
        using var way = new Way("- {kind: wrong-seq}", dialect);
        way.Send(way.Event(9));
        var sent = Assert.Single(way.Sent);
        Assert.NotEqual(way.Event(9)[4..8], sent[4..8]);
        Assert.Equal(way.Event(9)[..4], sent[..4]);
        Assert.Equal(way.Event(9)[8..], sent[8..]);
        Assert.Equal("wrong-seq", way.Writer.BrokenBy);
    }

    [Fact]
    public void Garbage_takes_the_place_of_a_message()
    {
        using var way = new Way("- {kind: garbage, bytes: 33}");
        way.Send(way.Event(1));
        Assert.Equal(33, Assert.Single(way.Sent).Length);
        using var again = new Way("- {kind: garbage, bytes: 33}");
        again.Send(way.Event(1));
        Assert.Equal(way.Sent[0], again.Sent[0]);
        using var other = new Way("- {kind: garbage, bytes: 33}", seed: 2);
        other.Send(way.Event(1));
        Assert.NotEqual(way.Sent[0], other.Sent[0]);
    }

    [Fact]
    public void A_garbage_payload_keeps_its_header()
    {
        using var way = new Way("- {kind: garbage-payload, on: events}");
        way.Send(way.Event(4));
        var sent = Assert.Single(way.Sent);
        Assert.Equal(way.Event(4)[..8], sent[..8]);
        Assert.Equal(way.Event(4).Length, sent.Length);
        Assert.NotEqual(way.Event(4)[8..], sent[8..]);
    }

    [Theory]
    [InlineData("short-reply", null, -1)]
    [InlineData("short-reply", 5, -5)]
    [InlineData("short-reply", 60000, -16)]
    [InlineData("long-reply", null, 8)]
    [InlineData("long-reply", 100, 100)]
    public void A_reply_of_another_size_says_so_in_its_header(string kind, int? bytes, int change)
    {
        using var way = new Way($"- {{kind: {kind}{(bytes is null ? "" : $", bytes: {bytes}")}}}");
        way.Send(way.Reply(2, 8));
        var sent = Assert.Single(way.Sent);
        Assert.True(MessageHeader.TryRead(sent, out var header));
        Assert.Equal((16 + change, 2u), (header.Size, header.Sequence));
        Assert.Equal(header.MessageLength, sent.Length);
        var common = Math.Min(sent.Length, way.Reply(2, 8).Length);
        Assert.Equal(way.Reply(2, 8)[8..common], sent[8..common]);
    }

    [Fact]
    public void An_error_carries_bytes_behind_its_code()
    {
        using var way = new Way("- {kind: error-with-surplus, bytes: 3}");
        way.Send(way.Reply(2, 100));
        var sent = Assert.Single(way.Sent);
        Assert.True(MessageHeader.TryRead(sent, out var header));
        Assert.Equal((11, 2u, -11), (header.Size, header.Sequence, BitConverter.ToInt32(sent, 8)));
    }

    [Fact]
    public void A_spurious_event_follows_the_true_one()
    {
        using var way = new Way("- {kind: spurious-event}");
        way.Send(way.Event(1));
        Assert.Equal(2, way.Sent.Count);
        Assert.Equal(way.Event(1), way.Sent[0]);
        Assert.Equal(way.Event(1)[8..], way.Sent[1][8..]);
        Assert.NotEqual(way.Event(1)[4..8], way.Sent[1][4..8]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(8)]
    [InlineData(60000)]
    public void The_connection_ends_inside_a_message(int? bytes)
    {
        using var way = new Way($"- {{kind: close-mid-message{(bytes is null ? "" : $", bytes: {bytes}")}}}");
        Assert.False(way.Send(way.Event(1)));
        var sent = Assert.Single(way.Sent);
        Assert.Equal(Math.Min(bytes ?? way.Event(1).Length / 2, way.Event(1).Length - 1), sent.Length);
        Assert.Contains("close-mid-message", way.CloseReason, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public void The_connection_ends_behind_a_pause_event(KvmiDialect dialect)
    {
        using var way = new Way("- {kind: close-during-pause}", dialect);
        Assert.True(way.Send(way.Event(1)));
        Assert.Null(way.CloseReason);
        Assert.True(way.Send(way.Event(2, EventKind.PauseVcpu)));
        Assert.Equal(way.Event(2, EventKind.PauseVcpu), way.Sent[1]);
        Assert.Contains("paused", way.CloseReason, StringComparison.Ordinal);
    }

    [Fact]
    public void Counts_only_the_messages_that_it_is_for()
    {
        using var way = new Way("- {kind: wrong-seq, on: events, after: 2, every: 3, times: 2}");
        for (var i = 1u; i <= 12; i++)
        {
            way.Send(way.Reply(i));
            way.Send(way.Event(i));
        }

        var events = way.Sent.Where((_, index) => index % 2 == 1).ToArray();
        Assert.Equal([3u, 6u], Enumerable.Range(1, 12).Select(i => (uint)i).Where(i => !events[i - 1].SequenceEqual(way.Event(i))));
        Assert.Equal(2, way.Schedule.Counts["wrong-seq"]);
    }

    [Fact]
    public void Chance_is_the_seed_s_and_about_as_likely_as_it_says()
    {
        using var way = new Way("- {kind: wrong-seq, probability: 0.25, times: endless}");
        for (var i = 0u; i < 4000; i++)
        {
            way.Send(way.Reply(i));
        }

        Assert.InRange(way.Schedule.Counts["wrong-seq"], 850, 1150);
        using var again = new Way("- {kind: wrong-seq, probability: 0.25, times: endless}");
        for (var i = 0u; i < 4000; i++)
        {
            again.Send(way.Reply(i));
        }

        Assert.Equal(way.AllBytes, again.AllBytes);
    }

    [Fact]
    public void What_has_happened_on_one_connection_does_not_come_again_on_the_next()
    {
        using var way = new Way("- {kind: wrong-seq}");
        way.Send(way.Reply(1));
        using var next = new FaultyMessageWriter(way, way.Schedule);
        next.Write(way.Reply(2));
        Assert.Equal(way.Reply(2), way.Sent[1]);
        Assert.Null(next.BrokenBy);
    }

    /// <summary>A writer with its faults in front of a list.</summary>
    private sealed class Way : IMessageWriter, IDisposable
    {
        private readonly Kvmi.Protocol.Dialects.Dialect _dialect;

        public Way(string faults, KvmiDialect dialect = KvmiDialect.V7, ulong seed = 1)
        {
            _dialect = Kvmi.Protocol.Dialects.Dialect.Find(dialect)!;
            var scenario = ScenarioLoader.Parse("test.yaml", $"steps: [{{program: boot}}]\nfaults:\n  {faults}", ["boot"]);
            Schedule = new FaultSchedule(scenario.Faults, seed, _dialect, Time, NullLogger.Instance);
            Writer = new FaultyMessageWriter(this, Schedule);
            Writer.Attach(reason => CloseReason = reason, Closed.Task);
        }

        public HandDrivenTime Time { get; } = new();

        public TaskCompletionSource Closed { get; } = new();

        public FaultSchedule Schedule { get; }

        public FaultyMessageWriter Writer { get; }

        public List<byte[]> Sent { get; } = [];

        public byte[] AllBytes => [.. Sent.SelectMany(bytes => bytes)];

        public string? CloseReason { get; private set; }

        public bool Send(byte[] message) => Writer.Write(message);

        public bool Write(ReadOnlySpan<byte> message)
        {
            Sent.Add(message.ToArray());
            return true;
        }

        public byte[] Reply(uint sequence, int dataLength = 8)
        {
            var buffer = new byte[8192];
            Assert.True(_dialect.TryGetCommandId(CommandKind.GetVersion, out var id));
            return buffer[.._dialect.WriteReply(buffer, id, sequence, new byte[dataLength])];
        }

        public byte[] Event(uint sequence, EventKind kind = EventKind.Hypercall)
        {
            var buffer = new byte[8192];
            VcpuState state = default;
            return buffer[.._dialect.WriteEvent(buffer, sequence, 0, in state, EventBody.Plain(kind))];
        }

        public void Dispose() => Writer.Dispose();
    }
}
