using System.Net.Sockets;
using System.Security.Cryptography;
using Kvmi.Protocol.Handshake;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Session.Tests.Handshake;

public class HandshakeTests
{
    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(96)]
    [InlineData(104)]
    [InlineData(104 + (24 * 8))]
    [InlineData(4096)]
    [InlineData(65536)]
    public async Task Every_size_of_hello_is_answered_with_zeros(int size)
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler);
        using var peer = new FakePeer(server.Path);
        if (size is 32 or 64 or 96 or 104 or 296)
        {
            peer.SayHello(size);
        }
        else
        {
            var bytes = new byte[size];
            BitConverter.TryWriteBytes(bytes, size);
            peer.SendRaw(bytes);
        }

        var answer = peer.ReadAnswer();
        Assert.Equal(24, BitConverter.ToInt32(answer));
        Assert.All(answer[4..], value => Assert.Equal(0, value));
        peer.Setup();
        await handler.FirstAttached;
    }

    [Fact]
    public async Task The_cookie_is_the_hash_of_the_secret()
    {
        var handler = new TestHandler();
        byte[] secret = [0, 1, 2, 255, 10];
        await using var server = new TestServer(handler, options => options with { CookieSecret = secret });
        using var peer = new FakePeer(server.Path);
        peer.SayHello();
        var expected = new byte[20];
        CookieHash.Compute(secret, expected);
        Assert.Equal(expected, peer.ReadAnswer()[4..]);
    }

    [Fact]
    public async Task A_hello_that_comes_byte_by_byte_is_read()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler);
        using var peer = new FakePeer(server.Path);
        var hello = new byte[96];
        new HelloRecord { Name = HelloRecord.EncodeName("a\nb") }.Write(hello);
        foreach (var value in hello)
        {
            peer.SendRaw([value]);
        }

        peer.ReadAnswer();
        peer.Setup();
        var vm = await handler.FirstAttached;
        Assert.Equal("a\\u{a}b", vm.Identity.Name);
        Assert.Null(vm.Identity.StartTime);
    }

    [Theory]
    [InlineData(31)]
    [InlineData(65537)]
    [InlineData(-1)]
    [InlineData(0)]
    public async Task A_hello_of_wrong_size_is_refused_with_one_warning(int size)
    {
        await using var server = new TestServer(new TestHandler());
        using var peer = new FakePeer(server.Path);
        peer.SendRaw(BitConverter.GetBytes(size));
        Assert.True(peer.IsClosedByTool());
        var warning = server.WaitForWarning("announces");
        Assert.Contains($"unix:{server.Path} #1", warning, StringComparison.Ordinal);
        Assert.Single(server.Log.Warnings);
    }

    [Fact]
    public async Task A_hanging_peer_is_closed_after_the_limit_and_disturbs_nobody()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler, options => options with { HandshakeTimeout = TimeSpan.FromMilliseconds(300) });
        using var silent = new FakePeer(server.Path);
        using var half = new FakePeer(server.Path);
        half.SendRaw([96, 0, 0, 0, 1, 2]);
        using var good = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        Assert.True(silent.IsClosedByTool());
        Assert.True(half.IsClosedByTool());
        server.WaitForWarning("(0 bytes came)");
        server.WaitForWarning("(6 bytes came)");
        Assert.Equal(2, server.Log.Warnings.Count());
        Assert.Single(server.Server.Vms);
    }

    [Fact]
    public async Task A_peer_that_leaves_in_the_handshake_gives_one_warning()
    {
        await using var server = new TestServer(new TestHandler());
        using (var peer = new FakePeer(server.Path))
        {
            peer.SendRaw([96, 0, 0, 0]);
        }

        server.WaitForWarning("closed the connection after 4 bytes of its hello");
        Assert.Single(server.Log.Warnings);
    }

    [Fact]
    public async Task Stop_closes_a_peer_in_the_handshake_without_a_warning()
    {
        await using var server = new TestServer(new TestHandler());
        using var peer = new FakePeer(server.Path);
        peer.SayHello();
        peer.ReadAnswer();
        await server.Server.StopAsync();
        Assert.True(peer.IsClosedByTool());
        Assert.Empty(server.Log.Warnings);
    }

    [Fact]
    public async Task Random_bytes_never_disturb_the_server()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(
            handler,
            options => options with { HandshakeTimeout = TimeSpan.FromMilliseconds(200), CommandTimeout = TimeSpan.FromMilliseconds(200) });
        var random = new Random(20181220);
        for (var i = 0; i < 40; i++)
        {
            using var peer = new FakePeer(server.Path);
            if (i % 2 == 0)
            {
                peer.SayHello();
            }

            var bytes = new byte[random.Next(1, 3000)];
            random.NextBytes(bytes);
            try
            {
                peer.SendRaw(bytes);
            }
            catch (SocketException)
            {
                // The tool closed first.
            }
        }

        using var good = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        TestServer.Until(() => server.Server.Vms.Count == 1 && server.Log.Warnings.Count() == 40, "one warning for each");
        Assert.DoesNotContain(server.Log.Lines, line => line.Id == 2023);
    }
}
