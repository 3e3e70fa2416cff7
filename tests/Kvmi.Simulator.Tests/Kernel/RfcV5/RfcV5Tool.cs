using System.Buffers.Binary;
using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.TestSupport;

namespace Kvmi.Simulator.Tests.Kernel.RfcV5;

/// <summary>The tool's end of an rfc-v5 session in bytes: sends vectors or commands, reads whole messages in the order of the wire.</summary>
internal sealed class RfcV5Tool : IDisposable
{
    private readonly Socket _socket;
    private readonly Queue<byte[]> _events = [];
    private uint _sequence = 0x9000;

    public RfcV5Tool(Socket socket)
    {
        _socket = socket;
        socket.ReceiveTimeout = RawTool.GiveUpMilliseconds;
    }

    public static Dialect D { get; } = Dialect.Find(KvmiDialect.RfcV5)!;

    public void Dispose() => _socket.Dispose();

    /// <summary>Tells the kernel that nothing more comes; what it has sent can still be read.</summary>
    public void FinishSending() => _socket.Shutdown(SocketShutdown.Send);

    public void Send(string vector) => Send(RfcV5Vectors.Bytes(vector));

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>Sends a command; events that come before its reply are put aside.</summary>
    public byte[] Ask(RawTool.Writer write)
    {
        var bytes = new byte[8 + ushort.MaxValue];
        return Reply(bytes.AsSpan(0, write(bytes, _sequence++)));
    }

    public byte[] Reply(string vector) => Reply(RfcV5Vectors.Bytes(vector));

    /// <summary>Sends these bytes and gives the next message that is no event.</summary>
    public byte[] Reply(ReadOnlySpan<byte> command)
    {
        Send(command);
        while (true)
        {
            var message = Next();
            Assert.True(message is not null, "The kernel side closed the connection while the test waited for a reply.");
            if (BinaryPrimitives.ReadUInt16LittleEndian(message) != 23)
            {
                return message;
            }

            _events.Enqueue(message);
        }
    }

    public byte[] Event()
    {
        if (_events.TryDequeue(out var aside))
        {
            return aside;
        }

        var message = Next();
        Assert.True(message is not null, "The kernel side closed the connection while the test waited for an event.");
        Assert.Equal(23, BinaryPrimitives.ReadUInt16LittleEndian(message));
        return message;
    }

    /// <summary>The next message; null at the end of the session.</summary>
    public byte[]? Next()
    {
        var header = new byte[8];
        if (!Receive(header))
        {
            return null;
        }

        var bytes = new byte[8 + BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(2))];
        header.CopyTo(bytes, 0);
        return Receive(bytes.AsSpan(8)) ? bytes : null;
    }

    public void ExpectEndWithoutAByte() => Assert.Null(Next());

    /// <summary>Answers an event as its bytes ask.</summary>
    public void Answer(byte[] message, in Protocol.Events.EventReply reply)
    {
        var bytes = new byte[512];
        Assert.Equal(DecodeStatus.Ok, D.ReadEvent(message, out var frame));
        Send(bytes.AsSpan(0, D.WriteEventReply(bytes, frame.Sequence, frame.Vcpu, frame.Kind, in reply)));
    }

    public static int Error(byte[] reply) => BinaryPrimitives.ReadInt32LittleEndian(reply.AsSpan(8));

    private bool Receive(Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var received = _socket.Receive(destination, SocketFlags.None, out var error);
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
