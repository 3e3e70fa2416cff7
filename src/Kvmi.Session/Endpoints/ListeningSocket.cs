using System.Net.Sockets;

namespace Kvmi.Session.Endpoints;

/// <summary>
/// A socket that listens, opened with the same care as those of the server: a Unix socket has mode 0600 from its first instant, one that a
/// dead process left behind is replaced, one with a living process behind it is not. For whoever accepts by other means than
/// <see cref="KvmiServer"/>. Unix and TCP only.
/// </summary>
public sealed class ListeningSocket : IDisposable
{
    private readonly EndpointListener _listener;

    private ListeningSocket(EndpointListener listener) => _listener = listener;

    /// <summary>Where it really listens: a TCP port 0 has become the port that the system chose.</summary>
    public KvmiEndpoint Endpoint => _listener.Endpoint;

    /// <summary>The socket, listening.</summary>
    public Socket Socket => _listener.Socket;

    /// <summary>Starts to listen.</summary>
    /// <param name="endpoint">Where.</param>
    /// <exception cref="KvmiEndpointException">The environment does not allow it; the message says why and what to do.</exception>
    /// <exception cref="ArgumentException">It is a vsock endpoint.</exception>
    public static ListeningSocket Open(KvmiEndpoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return endpoint.Kind == KvmiEndpointKind.Vsock
            ? throw new ArgumentException("A vsock endpoint cannot be used here.", nameof(endpoint))
            : new ListeningSocket(EndpointListener.Open(endpoint));
    }

    /// <summary>Removes a Unix socket's file, if it still is this socket's, and closes the socket. May be called again.</summary>
    public void Dispose() => _listener.Dispose();
}
