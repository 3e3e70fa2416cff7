using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Handshake;
using Kvmi.Session.Latency;
using Kvmi.Session.Taps;

namespace Kvmi.Session.Transport;

/// <summary>
/// A connected socket with one receive and one send buffer. Everything belongs to one thread but <see cref="Abort"/>; what sends may belong to another one while the first is in <see cref="Receive"/>.
/// Spans that it hands out are valid until the next <see cref="Receive"/>. Allocates nothing after construction.
/// </summary>
internal sealed class MessageChannel : IDisposable
{
    /// <summary>Longest wait of one <see cref="Receive"/>: the idle tick.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    /// <summary>Payload bound until the dialect is known: that of v7, v11 and v12; a detection's answers are far shorter.</summary>
    private const int UndecidedPayload = 8184;

    /// <summary>The largest payload of all dialects: rfc-v5 has no bound but that of its size field.</summary>
    private const int LargestPayload = ushort.MaxValue;

    // Room for the largest message behind others that wait.
    private const int OutputLength = 2 * (MessageHeader.Length + LargestPayload);
    private readonly Socket _socket;
    private readonly byte[] _input = new byte[HelloRecord.MaxSize + MessageHeader.Length + LargestPayload];
    private readonly byte[] _output = new byte[OutputLength];
    private int _inputStart;
    private int _inputEnd;
    private int _outputEnd;
    private long _bytesReceived;
    private long _bytesSent;

    /// <summary>Takes over a blocking socket.</summary>
    /// <param name="socket">The connection; disposed with the channel.</param>
    /// <param name="sendTimeout">How long a peer may refuse to take bytes.</param>
    public MessageChannel(Socket socket, TimeSpan sendTimeout)
    {
        _socket = socket;
        _socket.ReceiveTimeout = (int)Tick.TotalMilliseconds;
        _socket.SendTimeout = (int)Math.Clamp(sendTimeout.TotalMilliseconds, 1, int.MaxValue);
    }

    /// <summary>Largest payload that the peer may send.</summary>
    public int MaxPayload { get; set; } = UndecidedPayload;

    /// <summary>Looks for bytes for a while before <see cref="Receive"/> sleeps; null to sleep at once.</summary>
    public ReceiveSpin? Spin { get; set; }

    /// <summary>Who looks on; null for nobody. Set before the first receive.</summary>
    public IConversationTap? Tap { get; set; }

    /// <summary>Bytes received so far. Any thread.</summary>
    public long BytesReceived => Volatile.Read(ref _bytesReceived);

    /// <summary>Bytes sent so far. Any thread.</summary>
    public long BytesSent => Volatile.Read(ref _bytesSent);

    /// <summary>What was received and not yet taken.</summary>
    public ReadOnlySpan<byte> Pending => _input.AsSpan(_inputStart, _inputEnd - _inputStart);

    /// <summary>True while replies or commands wait to be sent.</summary>
    public bool HasOutput => _outputEnd != 0;

    /// <summary>Takes a record without a message header, the hello, from the front of <see cref="Pending"/>.</summary>
    public void Consume(int count)
    {
        Tap?.Received(Pending[..count]);
        _inputStart += count;
    }

    /// <summary>Takes the next whole message, if there is one.</summary>
    public TakeStatus TryTake(out MessageHeader header, out ReadOnlySpan<byte> message)
    {
        message = default;
        if (!MessageHeader.TryRead(Pending, out header))
        {
            return TakeStatus.Incomplete;
        }

        if (header.Size > MaxPayload)
        {
            return TakeStatus.Oversized;
        }

        var length = header.MessageLength;
        if (_inputEnd - _inputStart < length)
        {
            return TakeStatus.Incomplete;
        }

        message = _input.AsSpan(_inputStart, length);
        _inputStart += length;
        Tap?.Received(message);
        return TakeStatus.Message;
    }

    /// <summary>Waits for bytes, at most one tick. Overwrites what was taken before.</summary>
    public ReceiveStatus Receive(out SocketError error)
    {
        if (_inputStart == _inputEnd)
        {
            _inputStart = 0;
            _inputEnd = 0;
        }
        else if (_input.Length - _inputEnd < MessageHeader.Length + LargestPayload)
        {
            Pending.CopyTo(_input);
            _inputEnd -= _inputStart;
            _inputStart = 0;
        }

        var count = ReceiveBytes(_input.AsSpan(_inputEnd), out error);
        switch (error)
        {
            case SocketError.Success when count > 0:
                _inputEnd += count;
                Volatile.Write(ref _bytesReceived, _bytesReceived + count);
                return ReceiveStatus.Data;
            case SocketError.Success:
                return ReceiveStatus.Closed;
            case SocketError.TimedOut or SocketError.WouldBlock or SocketError.Interrupted:
                return ReceiveStatus.Tick;
            default:
                return ReceiveStatus.Failed;
        }
    }

    private int ReceiveBytes(Span<byte> buffer, out SocketError error)
    {
        if (Spin is not { } spin)
        {
            return _socket.Receive(buffer, SocketFlags.None, out error);
        }

        var count = spin.Receive(_socket.SafeHandle, buffer);
        if (count != ReceiveSpin.Nothing)
        {
            error = SocketError.Success;
            return count;
        }

        count = _socket.Receive(buffer, SocketFlags.None, out error);
        spin.Waited(count > 0);
        return count;
    }

    /// <summary>True when a receive would return at once.</summary>
    public bool IsReadable() => _socket.Poll(TimeSpan.Zero, SelectMode.SelectRead);

    /// <summary>True when a send of a few messages would not wait, or would fail at once.</summary>
    public bool IsWritable() => _socket.Poll(TimeSpan.Zero, SelectMode.SelectWrite);

    /// <summary>True when <paramref name="length"/> bytes fit into the send buffer now.</summary>
    public bool HasRoom(int length) => OutputLength - _outputEnd >= length;

    /// <summary>The free part of the send buffer.</summary>
    public Span<byte> Output => _output.AsSpan(_outputEnd);

    /// <summary>Adds the one message that was written to <see cref="Output"/> to what the next <see cref="Flush"/> sends.</summary>
    public void Commit(int length)
    {
        Tap?.Sent(_output.AsSpan(_outputEnd, length));
        _outputEnd += length;
    }

    /// <summary>Sends everything committed, in one call where the kernel takes it.</summary>
    public SocketError Flush()
    {
        var sent = 0;
        while (sent < _outputEnd)
        {
            var count = _socket.Send(_output.AsSpan(sent, _outputEnd - sent), SocketFlags.None, out var error);
            if (error != SocketError.Success)
            {
                _outputEnd = 0;
                return error;
            }

            sent += count;
        }

        _outputEnd = 0;
        Volatile.Write(ref _bytesSent, _bytesSent + sent);
        return SocketError.Success;
    }

    /// <summary>Ends the connection from any thread: a waiting receive returns. The owner disposes.</summary>
    public void Abort()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Already broken or closed: that is what was wanted.
        }
    }

    public void Dispose()
    {
        Abort();
        _socket.Dispose();
    }
}
