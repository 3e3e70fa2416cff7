using System.Net;
using System.Net.Sockets;
using Kvmi.Simulator.Transport;

namespace Kvmi.Simulator.Tests.Transport;

public sealed class ToolEndpointTests
{
    [Theory]
    [InlineData("/run/kvmi.sock", "expected unix:PATH")]
    [InlineData("unix:", "1 to 107 bytes")]
    [InlineData("tcp:127.0.0.1", "tcp:HOST:PORT")]
    [InlineData("tcp:127.0.0.1:0", "1 to 65535")]
    [InlineData("tcp:127.0.0.1:99999", "1 to 65535")]
    [InlineData("tcp:10.0.0.1:5000", "this machine only")]
    [InlineData("tcp:example.org:5000", "this machine only")]
    [InlineData("vsock:1234", "vsock:CID:PORT")]
    [InlineData("vsock:-1:5", "vsock:CID:PORT")]
    [InlineData("", "expected unix:PATH")]
    public void A_wrong_endpoint_is_explained(string text, string expected)
    {
        var error = Assert.Throws<SimulatorException>(() => ToolEndpoint.Parse(text));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{text}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_unix_path_that_is_too_long_is_refused() =>
        Assert.Throws<SimulatorException>(() => ToolEndpoint.Parse("unix:/" + new string('x', 107)));

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public void Connects_over_tcp_to_this_machine(string host)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        using var socket = ToolEndpoint.Parse($"tcp:{host}:{port}").Connect();
        Assert.True(socket.NoDelay);
    }

    [Fact]
    public void A_vsock_that_nobody_listens_on_is_an_ordinary_socket_error() =>
        Assert.Throws<SocketException>(() => ToolEndpoint.Parse("vsock:1:4294967294").Connect());
}
