using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Kvmi.Simulator.Transport;

/// <summary>
/// Where the tool listens: <c>unix:PATH</c>, <c>tcp:HOST:PORT</c> with a loopback host, or <c>vsock:CID:PORT</c>.
/// </summary>
internal sealed class ToolEndpoint
{
    private const int MaxUnixPath = 107;
    private readonly EndPoint? _address;
    private readonly uint _cid;
    private readonly uint _port;

    private ToolEndpoint(string text, EndPoint address)
    {
        Text = text;
        _address = address;
    }

    private ToolEndpoint(string text, uint cid, uint port)
    {
        Text = text;
        _cid = cid;
        _port = port;
    }

    /// <summary>The endpoint as the user wrote it, for messages.</summary>
    public string Text { get; }

    /// <summary>Reads an endpoint.</summary>
    /// <exception cref="SimulatorException">Not an endpoint; the message says what is expected.</exception>
    public static ToolEndpoint Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var rest = colon < 0 ? string.Empty : text[(colon + 1)..];
        return (colon < 0 ? text : text[..colon]) switch
        {
            "unix" => ParseUnix(text, rest),
            "tcp" => ParseTcp(text, rest),
            "vsock" => ParseVsock(text, rest),
            _ => throw new SimulatorException(
                $"Endpoint '{text}': expected unix:PATH, tcp:HOST:PORT or vsock:CID:PORT, for example unix:/run/kvmi.sock."),
        };
    }

    /// <summary>Connects once; blocks.</summary>
    /// <exception cref="SocketException">Nobody listens, or the connection was refused.</exception>
    public Socket Connect()
    {
        if (_address is null)
        {
            return VsockConnector.Connect(_cid, _port);
        }

        var protocol = _address.AddressFamily == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp;
        var socket = new Socket(_address.AddressFamily, SocketType.Stream, protocol);
        try
        {
            socket.Connect(_address);
            if (protocol == ProtocolType.Tcp)
            {
                // Each message leaves in one write and is awaited: waiting for more to send would only add delay.
                socket.NoDelay = true;
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Says in words why <see cref="Connect"/> failed.</summary>
    public string Explain(SocketException error) => (error.SocketErrorCode, _address) switch
    {
        (SocketError.AddressNotAvailable, UnixDomainSocketEndPoint path) => $"no socket at {path}: is the tool listening there?",
        (SocketError.ConnectionRefused, UnixDomainSocketEndPoint path) => $"nobody listens at {path}, though the file is there",
        (SocketError.ConnectionRefused, _) => "nobody listens there (connection refused)",
        _ => error.Message,
    };

    private static ToolEndpoint ParseUnix(string text, string path)
    {
        var length = System.Text.Encoding.UTF8.GetByteCount(path);
        if (length is 0 or > MaxUnixPath)
        {
            throw new SimulatorException($"Endpoint '{text}': the path must have 1 to {MaxUnixPath} bytes, it has {length}.");
        }

        return new ToolEndpoint(text, new UnixDomainSocketEndPoint(path));
    }

    private static ToolEndpoint ParseTcp(string text, string rest)
    {
        var colon = rest.LastIndexOf(':');
        var host = colon < 0 ? string.Empty : rest[..colon].Trim('[', ']');
        if (colon < 0 || !TryPort(rest[(colon + 1)..], out var port))
        {
            throw new SimulatorException($"Endpoint '{text}': expected tcp:HOST:PORT with a port of 1 to 65535.");
        }

        var address = host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(host, out var parsed) ? parsed : null;
        if (address is null || !IPAddress.IsLoopback(address))
        {
            throw new SimulatorException(
                $"Endpoint '{text}': the simulator connects over TCP to this machine only; use 127.0.0.1, ::1 or localhost as the host.");
        }

        return new ToolEndpoint(text, new IPEndPoint(address, (int)port));
    }

    private static ToolEndpoint ParseVsock(string text, string rest)
    {
        var colon = rest.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0
            || !uint.TryParse(rest[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var cid)
            || !uint.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            throw new SimulatorException($"Endpoint '{text}': expected vsock:CID:PORT, both whole numbers.");
        }

        return new ToolEndpoint(text, cid, port);
    }

    private static bool TryPort(string text, out uint port) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= 65535;
}
