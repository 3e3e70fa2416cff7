using System.Net;
using System.Net.Sockets;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>Where a socket of a sink connects to: <c>unix:PATH</c>, <c>udp:ADDRESS:PORT</c> or <c>tcp:ADDRESS:PORT</c>.</summary>
/// <param name="EndPoint">The address.</param>
/// <param name="Type">Datagram or stream.</param>
internal sealed record SinkAddress(EndPoint EndPoint, SocketType Type)
{
    /// <summary>Reads an address. Names are not looked up: a name server that is slow or lies is no part of an alert's way.</summary>
    /// <param name="text">The target of a sink.</param>
    /// <param name="options">Options of the sink.</param>
    /// <param name="unixType">Type of a Unix socket.</param>
    /// <param name="allowsUdp">True when datagrams over a network make sense.</param>
    /// <exception cref="UsageException">It is none, or everybody on the way could read the lines.</exception>
    public static SinkAddress Read(string text, SinkOptionList options, SocketType unixType, bool allowsUdp)
    {
        var isClear = options.TakeConsent("clear-text");
        var (scheme, rest) = text.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 ? (text[..colon], text[(colon + 1)..]) : ("", "");
        if (scheme == "unix")
        {
            try
            {
                return new SinkAddress(new UnixDomainSocketEndPoint(Path.GetFullPath(rest)), unixType);
            }
            catch (ArgumentException)
            {
                throw options.Wrong($"'{rest}' is no path of a Unix socket: give one of 1 to 107 bytes.");
            }
        }

        if ((scheme != "tcp" && !(scheme == "udp" && allowsUdp))
            || !IPEndPoint.TryParse(rest, out var address) || address.Port == 0 || !rest.EndsWith($":{address.Port}", StringComparison.Ordinal))
        {
            throw options.Wrong($"'{text}' is no address: give unix:PATH or {(allowsUdp ? "udp:127.0.0.1:PORT, " : "")}tcp:127.0.0.1:PORT, with the address in numbers.");
        }

        if (!IPAddress.IsLoopback(address.Address) && !isClear)
        {
            throw options.Wrong(
                $"the lines would go to {address.Address} without encryption; send them through a collector on this machine, or say clear-text=allow.");
        }

        return new SinkAddress(address, scheme == "udp" ? SocketType.Dgram : SocketType.Stream);
    }
}
