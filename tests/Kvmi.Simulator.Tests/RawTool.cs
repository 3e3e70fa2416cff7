using System.Buffers.Binary;
using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Simulator.Tests;

/// <summary>
/// The tool's end, as plain as can be: writes bytes, reads whole messages in the order of the wire. Events that come before an awaited
/// reply are put aside. Gives up after a time that only a broken test needs.
/// </summary>
internal sealed class RawTool : IDisposable
{
    public const int GiveUpMilliseconds = 20_000;
    private readonly Queue<ReceivedMessage> _events = [];
    private readonly List<ReceivedMessage> _replies = [];
    private uint _sequence = 100;

    public RawTool(Socket socket, Dialect? codec = null)
    {
        Socket = socket;
        Codec = codec ?? Dialect;
        socket.ReceiveTimeout = GiveUpMilliseconds;
        socket.SendTimeout = GiveUpMilliseconds;
    }

    /// <summary>What a tool speaks that is made without a dialect.</summary>
    public static Dialect Dialect { get; } = Dialect.Find(KvmiDialect.V7)!;

    /// <summary>What this tool speaks.</summary>
    public Dialect Codec { get; }

    public Socket Socket { get; }

    public delegate int Writer(Span<byte> destination, uint sequence);

    public void Dispose() => Socket.Dispose();

    public void SendBytes(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[Socket.Send(bytes)..];
        }
    }

    public uint Send(Writer write)
    {
        var buffer = new byte[9000];
        var sequence = _sequence++;
        SendBytes(buffer.AsSpan(0, write(buffer, sequence)));
        return sequence;
    }

    public uint SendRaw(ushort id, params byte[] payload)
    {
        var bytes = new byte[MessageHeader.Length + payload.Length];
        var sequence = _sequence++;
        new MessageHeader(id, (ushort)payload.Length, sequence).Write(bytes);
        payload.CopyTo(bytes, MessageHeader.Length);
        SendBytes(bytes);
        return sequence;
    }

    /// <summary>Sends a command and gives its reply.</summary>
    public ReceivedMessage Ask(Writer write) => Reply(Send(write));

    public ReceivedMessage AskRaw(ushort id, params byte[] payload) => Reply(SendRaw(id, payload));

    public ReceivedMessage Reply(uint sequence)
    {
        while (true)
        {
            var index = _replies.FindIndex(reply => reply.Header.Sequence == sequence);
            if (index >= 0)
            {
                var found = _replies[index];
                _replies.RemoveAt(index);
                return found;
            }

            ReadOne();
        }
    }

    public ReceivedMessage Event()
    {
        while (_events.Count == 0)
        {
            ReadOne();
        }

        return _events.Dequeue();
    }

    public ReceivedMessage Event(EventKind kind)
    {
        var message = Event();
        Assert.Equal(kind, message.Kind);
        return message;
    }

    /// <summary>An event that was put aside, else the next message of whatever sort; null at the end.</summary>
    public ReceivedMessage? NextEventFirst() => _events.TryDequeue(out var message) ? message : Next();

    /// <summary>Events that were put aside while a reply was awaited.</summary>
    public IEnumerable<ReceivedMessage> TakePutAside()
    {
        while (_events.TryDequeue(out var message))
        {
            yield return message;
        }
    }

    /// <summary>The next message, of whatever sort.</summary>
    public ReceivedMessage? Next()
    {
        var header = new byte[MessageHeader.Length];
        if (!Receive(header))
        {
            return null;
        }

        Assert.True(MessageHeader.TryRead(header, out var parsed));
        var bytes = new byte[parsed.MessageLength];
        header.CopyTo(bytes, 0);
        return Receive(bytes.AsSpan(MessageHeader.Length)) ? new ReceivedMessage(parsed, bytes, Codec) : null;
    }

    public void Answer(ReceivedMessage message, EventAction action = EventAction.Continue, ulong newValue = 0)
    {
        var reply = new EventReply { Action = action, NewValue = newValue };
        Answer(message, in reply);
    }

    public void Answer(ReceivedMessage message, in EventReply reply)
    {
        var buffer = new byte[512];
        SendBytes(buffer.AsSpan(0, Codec.WriteEventReply(buffer, message.Header.Sequence, message.Vcpu, message.Kind, in reply)));
    }

    /// <summary>Answers a CR or MSR event with the guest's own value, any other with CONTINUE.</summary>
    public void Allow(ReceivedMessage message) =>
        Answer(message, newValue: message.Kind is EventKind.Cr or EventKind.Msr ? BinaryPrimitives.ReadUInt64LittleEndian(message.EventData.AsSpan(16)) : 0);

    /// <summary>Reads until the kernel side closes; anything it still sends is dropped.</summary>
    public void ExpectClose()
    {
        while (Next() is not null)
        {
        }
    }

    private void ReadOne()
    {
        var message = Next();
        Assert.True(message is not null, "The kernel side closed the connection while the test waited for a message.");
        if (message.IsEvent)
        {
            _events.Enqueue(message);
        }
        else
        {
            _replies.Add(message);
        }
    }

    private bool Receive(Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var received = Socket.Receive(destination, SocketFlags.None, out var error);
            Assert.False(error is SocketError.TimedOut or SocketError.WouldBlock, "Nothing came from the kernel side for a long time.");
            if (error != SocketError.Success || received == 0)
            {
                return false;
            }

            destination = destination[received..];
        }

        return true;
    }
}
