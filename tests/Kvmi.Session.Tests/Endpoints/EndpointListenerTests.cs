using System.Net;
using System.Net.Sockets;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Session.Tests.Endpoints;

public sealed class EndpointListenerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvmi").FullName;

    private string SocketPath => Path.Combine(_folder, "s");

    private KvmiEndpoint Unix => KvmiEndpoint.Parse("unix:" + SocketPath);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_unix_socket_is_private_accepts_and_goes_away()
    {
        using (var listener = EndpointListener.Open(Unix))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
            Assert.Null(listener.Accept(TimeSpan.Zero));
            using var client = Connect();
            using var accepted = listener.Accept(TimeSpan.FromSeconds(20));
            Assert.NotNull(accepted);
            accepted.Send("x"u8);
            var one = new byte[1];
            Assert.Equal(1, client.Receive(one));
        }

        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public void A_stale_socket_is_replaced()
    {
        LeaveStaleSocket();
        using var listener = EndpointListener.Open(Unix);
        using var client = Connect();
        using var accepted = listener.Accept(TimeSpan.FromSeconds(20));
        Assert.NotNull(accepted);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
    }

    [Fact]
    public void A_live_socket_is_refused_and_stays()
    {
        using var first = EndpointListener.Open(Unix);
        var error = Assert.Throws<KvmiEndpointException>(() => EndpointListener.Open(Unix)).Message;
        Assert.Contains("another program listens there", error, StringComparison.Ordinal);
        Assert.Contains(SocketPath, error, StringComparison.Ordinal);
        using var client = Connect();
    }

    [Fact]
    public void A_file_a_folder_and_a_link_are_refused_and_stay()
    {
        File.WriteAllText(SocketPath, "data");
        Assert.Contains("not a socket", Refusal(), StringComparison.Ordinal);
        Assert.Equal("data", File.ReadAllText(SocketPath));
        File.Delete(SocketPath);
        Directory.CreateDirectory(SocketPath);
        Assert.Contains("not a socket", Refusal(), StringComparison.Ordinal);
        Directory.Delete(SocketPath);
        File.CreateSymbolicLink(SocketPath, Path.Combine(_folder, "elsewhere"));
        Assert.Contains("not a socket", Refusal(), StringComparison.Ordinal);
        Assert.NotNull(new FileInfo(SocketPath).LinkTarget);
    }

    [Fact]
    public void A_missing_folder_is_named()
    {
        var endpoint = KvmiEndpoint.Parse($"unix:{_folder}/none/s");
        var error = Assert.Throws<KvmiEndpointException>(() => EndpointListener.Open(endpoint)).Message;
        Assert.Contains($"'{_folder}/none' does not exist", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_that_another_tool_put_in_the_place_is_not_removed()
    {
        var first = EndpointListener.Open(Unix);
        var moved = SocketPath + ".old";
        File.Move(SocketPath, moved);
        using var second = EndpointListener.Open(Unix);
        first.Dispose();
        using var client = Connect();
        Assert.True(File.Exists(moved));
    }

    [Fact]
    public void Tcp_takes_a_free_port_and_refuses_a_taken_one()
    {
        using var listener = EndpointListener.Open(KvmiEndpoint.Parse("tcp:127.0.0.1:0"));
        Assert.NotEqual(0u, listener.Endpoint.Port);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Loopback, (int)listener.Endpoint.Port);
        using var accepted = listener.Accept(TimeSpan.FromSeconds(20));
        Assert.True(accepted!.NoDelay);
        var error = Assert.Throws<KvmiEndpointException>(() => EndpointListener.Open(listener.Endpoint)).Message;
        Assert.Contains("another program listens there", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Vsock_listens_or_says_what_is_missing()
    {
        // The data path needs a hypervisor outside; listening works wherever the kernel has the address family.
        try
        {
            using var listener = EndpointListener.Open(KvmiEndpoint.Parse("vsock:45123"));
            Assert.Null(listener.Accept(TimeSpan.Zero));
        }
        catch (KvmiEndpointException exception)
        {
            Assert.Contains("vsock", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void When_one_endpoint_fails_none_listens()
    {
        using var taken = EndpointListener.Open(Unix);
        var free = Path.Combine(_folder, "free");
        var server = new KvmiServer(
            new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse("unix:" + free), Unix] }, new TestHandler(), new LogSink(), TimeProvider.System);
        Assert.Throws<KvmiEndpointException>(server.Start);
        Assert.False(File.Exists(free));
        Assert.Empty(server.Endpoints);
    }

    [Fact]
    public void A_remote_address_needs_the_servers_permission_too()
    {
        var options = new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse("tcp:0.0.0.0:0", allowRemote: true)] };
        var server = new KvmiServer(options, new TestHandler(), new LogSink(), TimeProvider.System);
        Assert.Contains("other machines", Assert.Throws<KvmiEndpointException>(server.Start).Message, StringComparison.Ordinal);
    }

    private string Refusal() => Assert.Throws<KvmiEndpointException>(() => EndpointListener.Open(Unix)).Message;

    private Socket Connect()
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(SocketPath));
        return client;
    }

    private void LeaveStaleSocket()
    {
        // .NET removes the file of a socket that it closes, so a tool that was killed is played by renaming it away first.
        var aside = SocketPath + ".aside";
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(SocketPath));
        File.Move(SocketPath, aside);
        socket.Dispose();
        File.Move(aside, SocketPath);
    }
}
