using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kvmi.Policy.Host.Tests.Sinks;

/// <summary>Somebody who listens on a socket of the test and keeps what comes, while the test wants it.</summary>
internal sealed class Receiver : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly Socket _socket;
    private readonly ManualResetEventSlim _reading = new(true);
    private readonly ConcurrentBag<Socket> _connections = [];
    private readonly Func<Socket, Receiver, bool>? _answer;
    private readonly MemoryStream _bytes = new();
    private volatile bool _isClosed;

    private Receiver(Socket socket, Func<Socket, Receiver, bool>? answer)
    {
        _socket = socket;
        _answer = answer;
        Port = (socket.LocalEndPoint as IPEndPoint)?.Port ?? 0;
        new Thread(Run) { IsBackground = true, Name = "receiver" }.Start();
    }

    /// <summary>Port of a TCP or UDP receiver.</summary>
    public int Port { get; }

    /// <summary>Everything that came.</summary>
    public string Text
    {
        get
        {
            lock (_bytes)
            {
                return Encoding.UTF8.GetString(_bytes.ToArray());
            }
        }
    }

    /// <summary>Lines that came; of datagrams one each.</summary>
    public string[] Lines => Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static Receiver Unix(string path, SocketType type)
    {
        File.Delete(path);
        var socket = new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        return Start(socket, null);
    }

    public static Receiver Loopback(SocketType type, int port = 0, Func<Socket, Receiver, bool>? answer = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, type, ProtocolType.Unspecified);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        return Start(socket, answer);
    }

    /// <summary>Reads no more, until <see cref="Resume"/>.</summary>
    public void Stall() => _reading.Reset();

    public void Resume() => _reading.Set();

    /// <summary>Waits until something holds for what came.</summary>
    public void Until(Func<string, bool> holds) => Assert.True(SpinWait.SpinUntil(() => holds(Text), Patience), Text);

    /// <summary>Keeps bytes.</summary>
    public void Keep(ReadOnlySpan<byte> bytes)
    {
        lock (_bytes)
        {
            _bytes.Write(bytes);
        }
    }

    public void Dispose()
    {
        _isClosed = true;
        _reading.Set();
        _socket.Dispose();
        foreach (var connection in _connections)
        {
            connection.Dispose();
        }
    }

    private static Receiver Start(Socket socket, Func<Socket, Receiver, bool>? answer)
    {
        if (socket.SocketType == SocketType.Stream)
        {
            socket.Listen(8);
        }

        return new Receiver(socket, answer);
    }

    private void Run()
    {
        try
        {
            while (!_isClosed)
            {
                _reading.Wait();
                if (_socket.SocketType == SocketType.Dgram)
                {
                    var datagram = new byte[65536];
                    var length = _socket.Receive(datagram);
                    Keep([.. datagram.AsSpan(0, length), (byte)'\n']);
                    continue;
                }

                var connection = _socket.Accept();
                _connections.Add(connection);
                new Thread(() => Read(connection)) { IsBackground = true, Name = "receiver" }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private void Read(Socket connection)
    {
        try
        {
            var bytes = new byte[4096];
            while (!_isClosed)
            {
                _reading.Wait();
                if (_answer is not null)
                {
                    if (!_answer(connection, this))
                    {
                        connection.Dispose();
                        return;
                    }

                    continue;
                }

                var length = connection.Receive(bytes);
                if (length == 0)
                {
                    return;
                }

                Keep(bytes.AsSpan(0, length));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other side left.
        }
    }
}
