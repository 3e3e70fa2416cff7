using System.Net.Sockets;

namespace Kvmi.Session.Endpoints;

/// <summary>A listening socket. <see cref="Accept"/> belongs to one thread; <see cref="Dispose"/> comes after that thread has ended.</summary>
internal class EndpointListener : IDisposable
{
    private readonly Socket _socket;

    protected EndpointListener(KvmiEndpoint endpoint, Socket socket)
    {
        Endpoint = endpoint;
        _socket = socket;
    }

    /// <summary>Where it really listens: a TCP port 0 has become the port that the system chose.</summary>
    public KvmiEndpoint Endpoint { get; }

    internal Socket Socket => _socket;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="KvmiEndpointException">The environment does not allow it; the message says why and what to do.</exception>
    /// <param name="endpoint">Where.</param>
    /// <param name="group">Group of a Unix socket, which then has mode 0660; null for 0600.</param>
    public static EndpointListener Open(KvmiEndpoint endpoint, uint? group = null) => endpoint.Kind switch
    {
        KvmiEndpointKind.Unix => UnixListener.OpenUnix(endpoint, group),
        KvmiEndpointKind.Tcp => OpenTcp(endpoint),
        _ => VsockListener.OpenVsock(endpoint),
    };

    /// <summary>Waits for a connection.</summary>
    /// <param name="wait">How long at most.</param>
    /// <returns>The connected socket, blocking; null when nobody came.</returns>
    /// <exception cref="SocketException">The connection could not be taken; the listener goes on.</exception>
    public Socket? Accept(TimeSpan wait)
    {
        if (!_socket.Poll(wait, SelectMode.SelectRead))
        {
            return null;
        }

        // Not Socket.Accept: it refuses address families that .NET does not know (dotnet-stack.md 6).
        var accepted = new Socket(NativeMethods.Accept(_socket.SafeHandle));
        if (Endpoint.Kind == KvmiEndpointKind.Tcp)
        {
            accepted.NoDelay = true;
        }

        return accepted;
    }

    public void Dispose()
    {
        RemoveTraces();
        _socket.Dispose();
    }

    /// <summary>Removes what the listener left outside the process, before the socket closes.</summary>
    protected virtual void RemoveTraces()
    {
    }

    private static EndpointListener OpenTcp(KvmiEndpoint endpoint)
    {
        var socket = new Socket(endpoint.Address!.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new System.Net.IPEndPoint(endpoint.Address, (int)endpoint.Port));
            socket.Listen(128);
            var port = (uint)((System.Net.IPEndPoint)socket.LocalEndPoint!).Port;
            return new EndpointListener(endpoint.WithPort(port), socket);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            var advice = exception.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "another program listens there; stop it or choose another port",
                SocketError.AccessDenied => "this user may not use that port; choose one above 1023",
                SocketError.AddressNotAvailable => "this machine does not have that address",
                _ => exception.Message,
            };
            throw new KvmiEndpointException($"Cannot listen on {endpoint}: {advice}.", exception);
        }
    }
}
