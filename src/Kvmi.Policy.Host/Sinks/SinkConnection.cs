using System.Net.Sockets;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>A socket that is connected when it is needed, and anew after every failure.</summary>
internal sealed class SinkConnection(SinkAddress address) : IDisposable
{
    private Socket? _socket;

    /// <summary>Sends all bytes: one datagram, or a piece of the stream.</summary>
    /// <exception cref="SocketException">The receiver is not there, or went away. Whether it got some of the bytes is unknown.</exception>
    /// <exception cref="OperationCanceledException">It took nothing in time.</exception>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        try
        {
            var socket = await ConnectAsync(cancellation).ConfigureAwait(false);
            while (bytes.Length > 0)
            {
                bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancellation).ConfigureAwait(false)..];
            }
        }
        catch
        {
            // A line that was cut off ends with its connection.
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private async ValueTask<Socket> ConnectAsync(CancellationToken cancellation)
    {
        if (_socket is { } known)
        {
            if (!HasLeft(known))
            {
                return known;
            }

            Dispose();
        }

        _socket = new Socket(address.EndPoint.AddressFamily, address.Type, ProtocolType.Unspecified);
        try
        {
            await _socket.ConnectAsync(address.EndPoint, cancellation).ConfigureAwait(false);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressNotAvailable && address.EndPoint is UnixDomainSocketEndPoint)
        {
            // What .NET makes of ENOENT says nothing about a file.
            throw new IOException("there is no such socket", exception.NativeErrorCode);
        }

        return _socket;
    }

    // The first write after the other end has closed a TCP connection goes well, and nobody reads it.
    private bool HasLeft(Socket socket) =>
        address.Type == SocketType.Stream && socket.Poll(TimeSpan.Zero, SelectMode.SelectRead) && socket.Available == 0;
}
