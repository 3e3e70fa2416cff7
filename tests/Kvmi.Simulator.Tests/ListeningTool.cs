using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Handshake;

namespace Kvmi.Simulator.Tests;

/// <summary>A tool's listening socket in a temporary folder.</summary>
internal sealed class ListeningTool : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"kvmi-{Guid.NewGuid():n}.sock");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public ListeningTool()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen(4);
    }

    /// <summary>What the tool speaks.</summary>
    public KvmiDialect Dialect { get; init; } = KvmiDialect.V7;

    public string Endpoint => $"unix:{_path}";

    /// <summary>True when somebody has connected and waits to be accepted.</summary>
    public bool HasCaller => _listener.Poll(TimeSpan.Zero, SelectMode.SelectRead);

    public Socket Accept()
    {
        Assert.True(_listener.Poll(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds), SelectMode.SelectRead), "Nobody connected.");
        var socket = _listener.Accept();
        socket.ReceiveTimeout = RawTool.GiveUpMilliseconds;
        return socket;
    }

    /// <summary>Accepts, reads the hello and answers it.</summary>
    public (RawTool Tool, HelloRecord Hello) Greet(byte[]? answer = null)
    {
        var socket = Accept();
        var hello = ReadHello(socket);
        answer ??= [24, .. new byte[23]];
        socket.Send(answer);
        return (new RawTool(socket, Protocol.Dialects.Dialect.Find(Dialect)), hello);
    }

    public static HelloRecord ReadHello(Socket socket)
    {
        var bytes = new byte[4];
        ReceiveAll(socket, bytes);
        Assert.Equal(HandshakeStatus.Ok, HelloRecord.TryReadSize(bytes, out var size, out _));
        Array.Resize(ref bytes, size);
        ReceiveAll(socket, bytes.AsSpan(4));
        Assert.Equal(HandshakeStatus.Ok, HelloRecord.TryRead(bytes, out var hello));
        return hello!;
    }

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_path);
    }

    private static void ReceiveAll(Socket socket, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var received = socket.Receive(destination);
            Assert.NotEqual(0, received);
            destination = destination[received..];
        }
    }
}
