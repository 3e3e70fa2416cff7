using System.Collections.Concurrent;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Handshake;
using Kvmi.Session.Taps;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Taps;

public sealed class ConversationTapTests
{
    [Fact]
    public async Task A_tap_sees_every_message_of_both_sides_whole_and_in_order()
    {
        var taps = new Taps();
        var handler = new TestHandler();
        await using var server = new TestServer(handler, options => options with { Taps = taps });
        byte[] happening;
        using (var peer = FakePeer.Attached(server.Path))
        {
            await handler.FirstAttached;
            happening = peer.Event(0, EventBody.Msr(0xC0000082, 1, 2));
            peer.SendRaw(happening);
            peer.ReadEventReply(EventKind.Msr);
        }

        TestServer.Until(() => taps.Seen.LastOrDefault().What == "ended PeerLost", "the end");
        var seen = taps.Seen.ToArray();
        Assert.Equal("opened", seen[0].What);
        Assert.Equal(("received", HelloRecord.BaseSize), (seen[1].What, seen[1].Bytes.Length));
        Assert.Equal(("sent", HandshakeAnswer.Length), (seen[2].What, seen[2].Bytes.Length));
        Assert.Single(seen, entry => entry.What == "attached guest");
        Assert.Equal(happening, seen[^3].Bytes);
        Assert.Equal("sent", seen[^2].What);

        // Whole messages: each one's header announces exactly its bytes, and a command has its answer.
        var messages = seen.Where(entry => entry.What is "sent" or "received").Skip(2).ToArray();
        Assert.All(messages, entry => Assert.True(MessageHeader.TryRead(entry.Bytes, out var header) && header.MessageLength == entry.Bytes.Length));
        Assert.Equal(messages.Count(entry => entry.What == "sent"), messages.Count(entry => entry.What == "received"));
    }

    [Fact]
    public async Task A_peer_that_never_becomes_a_vm_ends_without_a_reason()
    {
        var taps = new Taps();
        await using var server = new TestServer(new TestHandler(), options => options with { Taps = taps });
        new FakePeer(server.Path).Dispose();
        TestServer.Until(() => taps.Seen.LastOrDefault().What == "ended ", "the end");
        Assert.Equal(["opened", "ended "], taps.Seen.Select(entry => entry.What));
    }

    [Fact]
    public async Task Taps_that_fail_to_open_keep_no_vm_out()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler, options => options with { Taps = new Broken() });
        using var peer = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        peer.SendEvent(0, EventBody.Msr(0xC0000082, 1, 2));
        Assert.Equal(2UL, peer.ReadEventReply(EventKind.Msr).NewValue);
        Assert.Contains(server.Log.Lines, line => line.Id == 2024);
    }

    private sealed class Broken : IConversationTaps
    {
        public IConversationTap Open(string peer) => throw new InvalidOperationException("on purpose");
    }

    private sealed class Taps : IConversationTaps, IConversationTap
    {
        public ConcurrentQueue<(string What, byte[] Bytes)> Seen { get; } = [];

        public IConversationTap Open(string peer)
        {
            Seen.Enqueue(("opened", []));
            return this;
        }

        public void Received(ReadOnlySpan<byte> message) => Seen.Enqueue(("received", message.ToArray()));

        public void Sent(ReadOnlySpan<byte> message) => Seen.Enqueue(("sent", message.ToArray()));

        public void Attached(VmStatus vm) => Seen.Enqueue(($"attached {vm.Identity.Name}", []));

        public void Ended(DetachReason? reason, string? detail) => Seen.Enqueue(($"ended {reason}", []));
    }
}
