using System.Net.Sockets;
using System.Runtime.InteropServices;
using Kvmi.Kvm.Descriptors;
using Kvmi.Kvm.Tests.Support;

namespace Kvmi.Kvm.Tests.Descriptors;

public partial class DescriptorChannelTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public void Bytes_and_descriptors_arrive_together_in_order()
    {
        using var pair = new SocketPair();
        using var one = new Pipe();
        using var two = new Pipe();
        Channel(pair.First).Send([1, 2, 3], [one.Writer, two.Writer], Limit);
        var payload = new byte[3];
        var received = Channel(pair.Second).Receive(payload, 2, Limit);
        Assert.Equal([1, 2, 3], payload);
        Assert.Equal(2, received.Count);
        Assert.False(one.Writer.IsClosed);

        // Each is a copy of the one that was sent: only when it goes has nobody the write end any more.
        received[1].Dispose();
        Assert.True(one.IsHeldByOthers());
        Assert.False(two.IsHeldByOthers());
        received[0].Dispose();
        Assert.False(one.IsHeldByOthers());
    }

    [Fact]
    public void Descriptors_arrive_close_on_exec()
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        Channel(pair.First).Send([1], [pipe.Writer], Limit);
        using var received = Channel(pair.Second).Receive(new byte[1], 1, Limit)[0];
        Assert.Equal(1, Control(received, 1, 0) & 1);
    }

    [Fact]
    public void The_peer_is_this_process()
    {
        using var pair = new SocketPair();
        var peer = Channel(pair.First).Peer;
        Assert.Equal(Environment.ProcessId, peer.Process);
    }

    [Fact]
    public void A_peer_of_another_user_is_refused()
    {
        using var pair = new SocketPair();
        var user = Channel(pair.First).Peer.User;
        var exception = Assert.Throws<DescriptorChannelException>(() => new DescriptorChannel(pair.First, TimeProvider.System, [user + 1]));
        Assert.Contains($"is user {user}; descriptors are exchanged with user {user + 1} only", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_a_unix_stream_socket_will_do()
    {
        using var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Throws<DescriptorChannelException>(() => Channel(tcp));
        using var datagrams = new SocketPair(type: 2);
        Assert.Throws<DescriptorChannelException>(() => Channel(datagrams.First));
        using var alone = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Assert.Throws<DescriptorChannelException>(() => Channel(alone));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(40)]
    [InlineData(253)]
    public void A_sender_of_too_many_descriptors_leaves_none_behind(int count)
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        var numbers = Enumerable.Repeat((int)pipe.Writer.DangerousGetHandle(), count).ToArray();
        Assert.Equal(1, ControlMessage.Send(pair.First.SafeHandle, [1], numbers));
        var exception = Assert.Throws<DescriptorChannelException>(() => Channel(pair.Second).Receive(new byte[1], 1, Limit));
        Assert.Contains("more than the 1 descriptors", exception.Message, StringComparison.Ordinal);
        Assert.False(pipe.IsHeldByOthers());
    }

    [Fact]
    public void A_sender_of_too_few_descriptors_is_refused_and_the_few_are_closed()
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        Channel(pair.First).Send([1], [pipe.Writer], Limit);
        Assert.Throws<DescriptorChannelException>(() => Channel(pair.Second).Receive(new byte[1], 2, Limit));
        Assert.False(pipe.IsHeldByOthers());
    }

    [Fact]
    public void A_sender_of_no_descriptors_is_refused()
    {
        using var pair = new SocketPair();
        pair.First.Send([1, 2]);
        var exception = Assert.Throws<DescriptorChannelException>(() => Channel(pair.Second).Receive(new byte[2], 1, Limit));
        Assert.Equal("The peer sent 0 descriptors, 1 were expected.", exception.Message);
    }

    [Fact]
    public void Descriptors_that_come_with_a_later_byte_count_too()
    {
        using var pair = new SocketPair();
        using var first = new Pipe();
        using var second = new Pipe();
        Channel(pair.First).Send([1], [first.Writer], Limit);
        Channel(pair.First).Send([2], [second.Writer], Limit);
        Assert.Throws<DescriptorChannelException>(() => Channel(pair.Second).Receive(new byte[2], 1, Limit));
        Assert.False(first.IsHeldByOthers());
        Assert.False(second.IsHeldByOthers());
    }

    [Fact]
    public void A_sender_that_closes_in_the_middle_leaves_no_descriptor_behind()
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        Channel(pair.First).Send([1, 2, 3], [pipe.Writer], Limit);
        pair.First.Dispose();
        var exception = Assert.Throws<DescriptorChannelException>(() => Channel(pair.Second).Receive(new byte[8], 1, Limit));
        Assert.Equal("The peer closed the socket after 3 of 8 bytes.", exception.Message);
        Assert.False(pipe.IsHeldByOthers());
    }

    [Fact]
    public void A_sender_that_stops_in_the_middle_is_given_up()
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        Channel(pair.First).Send([1, 2, 3], [pipe.Writer], Limit);
        Assert.Throws<DescriptorChannelException>(() => Channel(pair.Second).Receive(new byte[8], 1, TimeSpan.FromMilliseconds(50)));
        Assert.False(pipe.IsHeldByOthers());
    }

    [Fact]
    public void A_receiver_that_takes_nothing_is_given_up()
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        var exception = Assert.Throws<DescriptorChannelException>(
            () => Channel(pair.First).Send(new byte[32 << 20], [pipe.Writer], TimeSpan.FromMilliseconds(100)));
        Assert.Contains("did not take the message", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_receiver_that_has_gone_is_an_error_and_no_signal()
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        var channel = Channel(pair.First);
        pair.Second.Dispose();
        Assert.Contains("EPIPE", Assert.Throws<DescriptorChannelException>(() => channel.Send([1], [pipe.Writer], Limit)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_larger_than_the_socket_buffer_carries_its_descriptors_once()
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        var sent = new byte[4 << 20];
        new Random(1).NextBytes(sent);
        var sender = new Thread(() => Channel(pair.First).Send(sent, [pipe.Writer], Limit));
        sender.Start();
        var received = new byte[sent.Length];
        var descriptors = Channel(pair.Second).Receive(received, 1, Limit);
        sender.Join();
        Assert.True(received.AsSpan().SequenceEqual(sent));
        Assert.Single(descriptors).Dispose();
        Assert.False(pipe.IsHeldByOthers());
    }

    [Fact]
    public void Nothing_and_too_much_are_not_sent()
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        var channel = Channel(pair.First);
        Assert.Throws<ArgumentOutOfRangeException>(() => channel.Send([], [pipe.Writer], Limit));
        Assert.Throws<ArgumentOutOfRangeException>(() => channel.Send([1], [], Limit));
        Assert.Throws<ArgumentOutOfRangeException>(() => channel.Send([1], [.. Enumerable.Repeat<SafeHandle>(pipe.Writer, 17)], Limit));
        Assert.Throws<ArgumentOutOfRangeException>(() => channel.Receive([], 1, Limit));
    }

    private static DescriptorChannel Channel(Socket socket) => new(socket, TimeProvider.System);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeHandle descriptor, int command, int argument);
}
