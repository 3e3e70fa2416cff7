using System.Globalization;
using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Session.Handshake;
using Kvmi.Session.Transport;

namespace Kvmi.Session.Detection;

/// <summary>Requests and replies before a VM is attached: no event is enabled yet, so every message is a reply.</summary>
internal sealed class RequestChannel
{
    // One late answer is tolerable; a peer that is late every time would hold its place in the handshake for minutes.
    private const int WholeLimitFactor = 4;

    private readonly TimeProvider _time;
    private readonly TimeSpan _limit;
    private readonly Deadline _whole;

    public RequestChannel(MessageChannel channel, TimeProvider time, TimeSpan limit)
    {
        Channel = channel;
        _time = time;
        _limit = limit;
        _whole = new Deadline(time, limit * WholeLimitFactor);
    }

    public MessageChannel Channel { get; }

    /// <summary>Number of the next request; the connection's commands go on from here.</summary>
    public uint NextSequence { get; private set; } = 1;

    /// <summary>Takes the sequence number of a request that the caller writes to the channel.</summary>
    public uint TakeSequence() => NextSequence++;

    /// <summary>Writes a request of eight payload bytes or none, in the shape that all dialects share.</summary>
    /// <returns>Its sequence number.</returns>
    public uint Write(ushort id, ushort? argument)
    {
        var sequence = TakeSequence();
        var size = argument is null ? 0 : 8;
        var message = Channel.Output[..(MessageHeader.Length + size)];
        message.Clear();
        new MessageHeader(id, (ushort)size, sequence).Write(message);
        if (argument is { } value)
        {
            BitConverter.TryWriteBytes(message[MessageHeader.Length..], value);
        }

        Channel.Commit(message.Length);
        return sequence;
    }

    /// <summary>Sends what was written.</summary>
    /// <exception cref="PeerRefusedException">The connection broke.</exception>
    public void Send()
    {
        var error = Channel.Flush();
        if (error != SocketError.Success)
        {
            throw new PeerRefusedException($"a request could not be sent ({error})");
        }
    }

    /// <summary>Waits for the next message.</summary>
    /// <param name="silence">What happened instead of a message: silence or the end of the connection. Null on true.</param>
    /// <param name="header">Header of the message.</param>
    /// <param name="payload">Payload, valid until the next call.</param>
    /// <exception cref="PeerRefusedException">The message is larger than any dialect allows, or the peer was slow too often.</exception>
    public bool TryRead(out MessageHeader header, out ReadOnlySpan<byte> payload, out string? silence)
    {
        payload = default;
        silence = null;
        if (_whole.IsOver)
        {
            throw new PeerRefusedException(string.Create(
                CultureInfo.InvariantCulture, $"it took longer than {(_limit * WholeLimitFactor).TotalSeconds:0.###} s to answer what is asked at connect"));
        }

        var deadline = new Deadline(_time, _limit);
        while (true)
        {
            switch (Channel.TryTake(out header, out var message))
            {
                case TakeStatus.Message:
                    payload = message[MessageHeader.Length..];
                    return true;
                case TakeStatus.Oversized:
                    throw new PeerRefusedException(
                        $"it announces a message of {header.Size} payload bytes; at most {Channel.MaxPayload} are allowed");
                default:
                    break;
            }

            var status = Channel.Receive(out var error);
            if (status is ReceiveStatus.Closed or ReceiveStatus.Failed)
            {
                silence = status == ReceiveStatus.Closed ? "it closed the connection" : $"the connection broke ({error})";
                return false;
            }

            if (deadline.IsOver)
            {
                silence = string.Create(CultureInfo.InvariantCulture, $"it said nothing for {_limit.TotalSeconds:0.###} s");
                return false;
            }
        }
    }

    /// <summary>Waits for the reply to one request.</summary>
    /// <exception cref="PeerRefusedException">Another message came, or none.</exception>
    public ReadOnlySpan<byte> Read(ushort id, uint sequence, string name)
    {
        if (!TryRead(out var header, out var payload, out var silence))
        {
            throw new PeerRefusedException($"{name} was not answered: {silence}");
        }

        return header.Id == id && header.Sequence == sequence
            ? payload
            : throw new PeerRefusedException(
                $"{name} (id {id}, seq {sequence}) was answered by a message with id {header.Id}, seq {header.Sequence}");
    }
}
