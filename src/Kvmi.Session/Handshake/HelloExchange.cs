using System.Globalization;
using System.Net.Sockets;
using Kvmi.Protocol.Handshake;
using Kvmi.Session.Transport;

namespace Kvmi.Session.Handshake;

/// <summary>The tool's half of the handshake: reads the hello, answers with the hash of the secret (kvmi-later-dialects.md 2.2, 2.3).</summary>
internal static class HelloExchange
{
    /// <summary>Runs the handshake over a fresh connection.</summary>
    /// <param name="channel">The connection.</param>
    /// <param name="cookieHash">20 bytes; empty for zeros.</param>
    /// <param name="time">Clock of the limit.</param>
    /// <param name="limit">How long the whole hello may take.</param>
    /// <exception cref="PeerRefusedException">The peer is silent, leaves, or sends no hello.</exception>
    public static HelloRecord Run(MessageChannel channel, ReadOnlySpan<byte> cookieHash, TimeProvider time, TimeSpan limit)
    {
        var deadline = new Deadline(time, limit);
        HelloRecord? hello;
        int size;
        while (true)
        {
            var status = HelloRecord.TryReadSize(channel.Pending, out size, out var error);
            if (status == HandshakeStatus.BadSize)
            {
                throw new PeerRefusedException(error!);
            }

            if (status == HandshakeStatus.Ok && HelloRecord.TryRead(channel.Pending, out hello) == HandshakeStatus.Ok)
            {
                break;
            }

            Receive(channel, deadline, limit);
        }

        channel.Consume(size);
        channel.Commit(HandshakeAnswer.Write(channel.Output, cookieHash));
        var sent = channel.Flush();
        return sent == SocketError.Success ? hello! : throw new PeerRefusedException($"the handshake answer could not be sent ({sent})");
    }

    private static void Receive(MessageChannel channel, Deadline deadline, TimeSpan limit)
    {
        var status = channel.Receive(out var error);
        if (status == ReceiveStatus.Closed)
        {
            throw new PeerRefusedException($"it closed the connection after {channel.Pending.Length} bytes of its hello");
        }

        if (status == ReceiveStatus.Failed)
        {
            throw new PeerRefusedException($"the connection broke in the handshake ({error})");
        }

        // Asked after data also: a peer that sends one byte now and then must not hold its place for ever.
        if (deadline.IsOver)
        {
            throw new PeerRefusedException(string.Create(
                CultureInfo.InvariantCulture,
                $"no complete hello within {limit.TotalSeconds:0.###} s ({channel.Pending.Length} bytes came); the peer has to send the record of QEMU's introspection object first"));
        }
    }
}
