using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kvmi.Session.Endpoints;

/// <summary>
/// Where the tool listens: <c>unix:PATH</c>, <c>tcp:ADDRESS:PORT</c> or <c>vsock:PORT</c>. The tool listens and the device
/// manager connects (kvmi-later-dialects.md 2.1). Immutable.
/// </summary>
public sealed class KvmiEndpoint
{
    /// <summary>Longest path of a Unix socket in bytes: the 108 bytes of sun_path less its final NUL.</summary>
    public const int MaxUnixPathBytes = 107;

    private const string Forms = "Write unix:PATH, tcp:127.0.0.1:PORT or vsock:PORT.";

    private KvmiEndpoint(KvmiEndpointKind kind, string text)
    {
        Kind = kind;
        Text = text;
    }

    /// <summary>Which kind of socket it is.</summary>
    public KvmiEndpointKind Kind { get; }

    /// <summary>Path of a Unix socket; null for the other kinds.</summary>
    public string? Path { get; private init; }

    /// <summary>Address of a TCP endpoint; null for the other kinds.</summary>
    public IPAddress? Address { get; private init; }

    /// <summary>Port of a TCP (0 to 65535, 0 takes a free one) or vsock endpoint (0 to 4294967294).</summary>
    public uint Port { get; private init; }

    private string Text { get; }

    /// <summary>Reads an endpoint.</summary>
    /// <param name="text">The endpoint as the user wrote it.</param>
    /// <param name="allowRemote">Accept a TCP address that other machines can reach. KVMI has neither encryption nor a password.</param>
    /// <exception cref="KvmiEndpointException">The text is no endpoint, or not an allowed one; the message says what to write.</exception>
    public static KvmiEndpoint Parse(string text, bool allowRemote = false) =>
        TryParse(text, allowRemote, out var endpoint, out var error) ? endpoint : throw new KvmiEndpointException(error);

    /// <summary>Reads an endpoint without throwing.</summary>
    /// <param name="text">The endpoint as the user wrote it.</param>
    /// <param name="allowRemote">Accept a TCP address that other machines can reach.</param>
    /// <param name="endpoint">The endpoint; null on false.</param>
    /// <param name="error">What is wrong and what to write; null on true.</param>
    public static bool TryParse(
        string text, bool allowRemote, [NotNullWhen(true)] out KvmiEndpoint? endpoint, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        endpoint = null;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var rest = colon < 0 ? string.Empty : text[(colon + 1)..];
        error = (colon < 0 ? string.Empty : text[..colon]) switch
        {
            "unix" => ParseUnix(text, rest, out endpoint),
            "tcp" => ParseTcp(text, rest, allowRemote, out endpoint),
            "vsock" => ParseVsock(text, rest, out endpoint),
            _ => $"'{text}' is not an endpoint. {Forms}",
        };
        return error is null && endpoint is not null;
    }

    /// <summary>The endpoint as it is written, for messages.</summary>
    public override string ToString() => Text;

    /// <summary>The same endpoint with the port that the system chose.</summary>
    internal KvmiEndpoint WithPort(uint port) => Kind == KvmiEndpointKind.Tcp
        ? new KvmiEndpoint(Kind, FormatTcp(Address!, port)) { Address = Address, Port = port }
        : this;

    private static string? ParseUnix(string text, string path, out KvmiEndpoint? endpoint)
    {
        endpoint = null;
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
        {
            return $"'{text}' names no path. Write unix:PATH, for example unix:/run/kvmi-policy.sock.";
        }

        var bytes = Encoding.UTF8.GetByteCount(path);
        if (bytes > MaxUnixPathBytes)
        {
            return $"The path of '{text}' has {bytes} bytes; the path of a Unix socket has at most {MaxUnixPathBytes}. "
                + "Choose a shorter one, for example in /run.";
        }

        endpoint = new KvmiEndpoint(KvmiEndpointKind.Unix, text) { Path = path };
        return null;
    }

    private static string? ParseTcp(string text, string rest, bool allowRemote, out KvmiEndpoint? endpoint)
    {
        endpoint = null;
        var colon = rest.LastIndexOf(':');
        if (colon <= 0
            || !ushort.TryParse(rest.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            return $"'{text}' is not a TCP endpoint. Write tcp:127.0.0.1:PORT or tcp:[::1]:PORT with a port from 0 to 65535.";
        }

        var host = rest[..colon];
        if (!TryAddress(host, out var address))
        {
            return $"'{host}' in '{text}' is not an IP address. Write 127.0.0.1, [::1] or localhost.";
        }

        if (!allowRemote && !IPAddress.IsLoopback(address))
        {
            return $"'{text}' can be reached from other machines, and KVMI has no encryption. "
                + "Listen on tcp:127.0.0.1:PORT, or allow remote peers explicitly (--allow-remote).";
        }

        endpoint = new KvmiEndpoint(KvmiEndpointKind.Tcp, FormatTcp(address, port)) { Address = address, Port = port };
        return null;
    }

    private static string? ParseVsock(string text, string rest, out KvmiEndpoint? endpoint)
    {
        endpoint = null;

        // The largest number is VMADDR_PORT_ANY: a port that nobody could be told to connect to.
        if (!uint.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == uint.MaxValue)
        {
            return $"'{text}' is not a vsock endpoint. Write vsock:PORT with a port from 0 to {uint.MaxValue - 1}.";
        }

        endpoint = new KvmiEndpoint(KvmiEndpointKind.Vsock, text) { Port = port };
        return null;
    }

    private static bool TryAddress(string host, [NotNullWhen(true)] out IPAddress? address)
    {
        address = IPAddress.Loopback;
        if (host == "localhost")
        {
            return true;
        }

        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            return IPAddress.TryParse(host.AsSpan(1, host.Length - 2), out address) && address.AddressFamily == AddressFamily.InterNetworkV6;
        }

        // Four numbers are asked for: the parser would also take 127.1 or 1.
        return IPAddress.TryParse(host, out address) && address.AddressFamily == AddressFamily.InterNetwork && address.ToString() == host;
    }

    private static string FormatTcp(IPAddress address, uint port) => address.AddressFamily == AddressFamily.InterNetworkV6
        ? string.Create(CultureInfo.InvariantCulture, $"tcp:[{address}]:{port}")
        : string.Create(CultureInfo.InvariantCulture, $"tcp:{address}:{port}");
}
