using System.Net.Sockets;
using Kvmi.Protocol.Handshake;
using Kvmi.Simulator.Transport;
using Kvmi.Simulator.Transport.Faults;

namespace Kvmi.Simulator.DeviceManager;

/// <summary>
/// Connects to the tool and shakes hands: hello out, answer in, proof of the secret (kvmi-later-dialects.md 2.1 to 2.3). Reads not one byte
/// more than the answer; what follows belongs to the kernel side.
/// </summary>
internal sealed class ToolConnector
{
    private readonly ToolEndpoint _endpoint;
    private readonly byte[] _hello;
    private readonly byte[]? _cookieHash;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _timeProvider;
    private readonly FaultSchedule? _faults;

    /// <summary>Makes a connector.</summary>
    /// <param name="endpoint">Where the tool listens.</param>
    /// <param name="hello">The bytes to send first.</param>
    /// <param name="secret">The device manager's secret; null when any answer will do.</param>
    /// <param name="timeout">Longest wait for the answer.</param>
    /// <param name="timeProvider">Clock of the time-out.</param>
    /// <param name="faults">What goes wrong on purpose; null: nothing.</param>
    public ToolConnector(
        ToolEndpoint endpoint, byte[] hello, ReadOnlyMemory<byte>? secret, TimeSpan timeout, TimeProvider timeProvider, FaultSchedule? faults = null)
    {
        _endpoint = endpoint;
        _hello = hello;
        _timeout = timeout;
        _timeProvider = timeProvider;
        _faults = faults;
        if (secret is { } bytes)
        {
            _cookieHash = new byte[CookieHash.Length];
            CookieHash.Compute(bytes.Span, _cookieHash);
        }
    }

    /// <summary>Tries once. Blocks for at most the time-out; cancellation ends it at once.</summary>
    public HandshakeResult Connect(CancellationToken cancellationToken)
    {
        Socket socket;
        try
        {
            socket = _endpoint.Connect();
        }
        catch (SocketException exception)
        {
            return new HandshakeResult(null, _endpoint.Explain(exception), IsUnreachable: true);
        }

        // The socket stays in blocking mode for the kernel side, so time-out and cancellation end a wait by shutting it down.
        var expired = false;
        string? error = null;
        var pause = _faults?.LookAtHello() ?? TimeSpan.Zero;
        using (cancellationToken.Register(() => ShutDown(socket)))
        {
            if (!SendHello(socket, pause, cancellationToken))
            {
                error = "the tool closed the connection before the hello was sent.";
            }
            else
            {
                using var timer = _timeProvider.CreateTimer(
                    _ =>
                    {
                        Volatile.Write(ref expired, true);
                        ShutDown(socket);
                    },
                    null,
                    _timeout,
                    Timeout.InfiniteTimeSpan);
                error = ReadAnswer(socket);
            }
        }

        if (Volatile.Read(ref expired))
        {
            error = $"no answer within {_timeout.TotalSeconds:0.###} s; check that the peer is an introspection tool.";
        }
        else if (cancellationToken.IsCancellationRequested)
        {
            error = "the run was cancelled.";
        }

        if (error is null)
        {
            return new HandshakeResult(socket, null, IsUnreachable: false);
        }

        socket.Dispose();
        return new HandshakeResult(null, error, IsUnreachable: false, pause > TimeSpan.Zero ? FaultCatalogue.Of(FaultKind.SlowHandshake).Name : null);
    }

    private bool SendHello(Socket socket, TimeSpan pause, CancellationToken cancellationToken)
    {
        var writer = new SocketMessageWriter(socket);
        if (pause <= TimeSpan.Zero || _faults is null)
        {
            return writer.Write(_hello);
        }

        LogMessages.FaultInHello(_faults.Logger, FaultCatalogue.Of(FaultKind.SlowHandshake).Name);
        var half = _hello.Length / 2;
        var delay = new FaultDelay(_timeProvider);
        using var cancelled = cancellationToken.Register(delay.Release);
        if (!writer.Write(_hello.AsSpan(0, half)))
        {
            return false;
        }

        delay.Wait(pause);
        return writer.Write(_hello.AsSpan(half));
    }

    private string? ReadAnswer(Socket socket)
    {
        var answer = new byte[HandshakeAnswer.Length];
        if (!Receive(socket, answer.AsSpan(0, sizeof(uint))))
        {
            return "the tool closed the connection instead of answering the hello.";
        }

        if (HandshakeAnswer.TryReadSize(answer, out var size, out var error) != HandshakeStatus.Ok)
        {
            return error;
        }

        if (!Receive(socket, answer.AsSpan(sizeof(uint))) || !Discard(socket, size - answer.Length))
        {
            return $"the tool closed the connection inside its answer, which announced {size} bytes.";
        }

        var hash = answer.AsSpan(sizeof(uint), CookieHash.Length);
        return _cookieHash is null || CookieHash.FixedTimeEquals(hash, _cookieHash)
            ? null
            : "the tool's answer does not prove the secret; give both sides the same cookie, byte for byte.";
    }

    private static bool Discard(Socket socket, int count)
    {
        Span<byte> scratch = stackalloc byte[256];
        while (count > 0)
        {
            var part = scratch[..Math.Min(count, scratch.Length)];
            if (!Receive(socket, part))
            {
                return false;
            }

            count -= part.Length;
        }

        return true;
    }

    private static bool Receive(Socket socket, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var received = socket.Receive(destination, SocketFlags.None, out var error);
            if (error != SocketError.Success || received <= 0)
            {
                return false;
            }

            destination = destination[received..];
        }

        return true;
    }

    private static void ShutDown(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The peer was faster; the waiting thread sees the end of the connection either way.
        }
    }
}
