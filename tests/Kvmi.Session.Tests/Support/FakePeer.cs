using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Handshake;
using Kvmi.Protocol.Registers;

namespace Kvmi.Session.Tests.Support;

/// <summary>Plays device manager and kernel by script: each test says what it sends and what it expects.</summary>
internal sealed class FakePeer : IDisposable
{
    public static readonly Dialect V7 = Dialect.Find(KvmiDialect.V7)!;
    public static readonly Guid Uuid = Guid.Parse("11223344-5566-7788-99aa-bbccddeeff00");
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[1 << 16];
    private readonly byte[] _out = new byte[1 << 16];
    private int _start;
    private int _end;
    private uint _eventSequence;

    public FakePeer(string path, Dialect? dialect = null)
    {
        Dialect = dialect ?? V7;
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    /// <summary>What the peer speaks.</summary>
    public Dialect Dialect { get; }

    /// <summary>Message ids of every command answered by <see cref="Setup"/>.</summary>
    public List<CommandKind> SetupCommands { get; } = [];

    /// <summary>Receives that brought bytes since <see cref="Attached"/> ended.</summary>
    public int ReceivesSinceSetup { get; private set; }

    public static FakePeer Attached(string path, uint vcpus = 1, Guid? uuid = null, Dialect? dialect = null, string name = "guest")
    {
        var peer = new FakePeer(path, dialect);
        peer.SayHello(uuid: uuid, name: name);
        peer.ReadAnswer();
        peer.Setup(vcpus);
        peer.ReceivesSinceSetup = 0;
        return peer;
    }

    public void SendRaw(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    public void SayHello(int size = HelloRecord.BaseSize, Guid? uuid = null, string name = "guest", long startTime = 1_700_000_000, ulong? maxGpa = null)
    {
        var entries = size > HelloRecord.ExtendedSize ? (size - HelloRecord.ExtendedSize) / 24 : 0;
        var hello = new HelloRecord
        {
            Size = size,
            Uuid = uuid ?? Uuid,
            StartTime = startTime,
            MaxGpa = maxGpa,
            Name = HelloRecord.EncodeName(name),
            E820 = [.. Enumerable.Range(0, entries).Select(i => new E820Entry((ulong)i << 20, 1 << 20, 1))],
        };
        var bytes = new byte[size];
        hello.Write(bytes);
        SendRaw(bytes);
    }

    public byte[] ReadAnswer() => Read(HandshakeAnswer.Length);

    /// <summary>Answers what the tool asks before it attaches, up to the switch of the UNHOOK event.</summary>
    public void Setup(
        uint vcpus = 1, Func<CommandKind, KvmiError>? checkCommand = null, Func<EventKind, KvmiError>? checkEvent = null)
    {
        var unhook = checkEvent?.Invoke(EventKind.Unhook) ?? KvmiError.None;
        Span<byte> data = stackalloc byte[64];
        while (true)
        {
            var message = ReadMessage();
            MessageHeader.TryRead(message, out var header);
            Assert.True(Dialect.TryGetCommand(header.Id, out var kind), $"unknown command {header.Id}");
            SetupCommands.Add(kind);
            var payload = message.AsSpan(MessageHeader.Length);
            switch (kind)
            {
                case CommandKind.GetVersion:
                    Reply(header, data[..Dialect.WriteData(data, Version(checkCommand, checkEvent))]);
                    break;
                case CommandKind.CheckCommand:
                    Dialect.Read(payload, out CheckCommand command);
                    Reply(header, Dialect.TryGetCommand(command.Id, out var asked) ? checkCommand?.Invoke(asked) ?? KvmiError.None : Unknown);
                    break;
                case CommandKind.CheckEvent:
                    Dialect.Read(payload, out CheckEvent check);
                    Assert.True(Dialect.TryGetEvent(check.Id, out var askedEvent));
                    Reply(header, checkEvent?.Invoke(askedEvent) ?? KvmiError.None);
                    break;
                case CommandKind.GetVmInfo:
                    Reply(header, data[..Dialect.WriteData(data, new VmInfoReply(vcpus, 0))]);
                    if (unhook != KvmiError.None)
                    {
                        return;
                    }

                    break;
                case CommandKind.GetMaxGfn:
                    Reply(header, [0, 0, 16, 0, 0, 0, 0, 0]);
                    break;
                case CommandKind.ControlVmEvents:
                    Reply(header, KvmiError.None);
                    return;
                default:
                    Assert.Fail($"unexpected command {kind} before the VM is attached");
                    break;
            }
        }
    }

    public byte[] ReadMessage()
    {
        Fill(MessageHeader.Length);
        MessageHeader.TryRead(_buffer.AsSpan(_start, _end - _start), out var header);
        return Read(header.MessageLength);
    }

    /// <summary>Reads that many bytes and forgets them, without allocating.</summary>
    public void Skip(int length)
    {
        Fill(length);
        _start += length;
    }

    public (MessageHeader Header, byte[] Message) ReadHeader()
    {
        var message = ReadMessage();
        MessageHeader.TryRead(message, out var header);
        return (header, message);
    }

    public MessageHeader ReadCommand(CommandKind expected)
    {
        var (header, _) = ReadHeader();
        Assert.Equal(MessageRole.Command, Dialect.Classify(MessageDirection.ToolToKernel, header.Id));
        Assert.True(Dialect.TryGetCommand(header.Id, out var kind));
        Assert.Equal(expected, kind);
        return header;
    }

    /// <summary>Reads one event reply of known kind.</summary>
    public (uint Sequence, ushort Vcpu, EventAction Action, ulong NewValue) ReadEventReply(EventKind kind)
    {
        var (header, message) = ReadHeader();
        Assert.Equal(MessageRole.EventReply, Dialect.Classify(MessageDirection.ToolToKernel, header.Id));
        var status = Dialect.ReadEventReply(message, kind, out var vcpu, out var eventId, out var reply);
        Assert.Equal(CommandStatus.Ok, status);
        Assert.True(Dialect.TryGetEventId(kind, out var expectedId));
        Assert.Equal(expectedId, eventId);
        Assert.Equal(Dialect.EventReplyLength(kind), message.Length);
        return (header.Sequence, vcpu, reply.Action, reply.NewValue);
    }

    public void Reply(MessageHeader command, KvmiError error) => SendRaw(_out.AsSpan(0, Dialect.WriteReply(_out, command.Id, command.Sequence, error)));

    public void Reply(MessageHeader command, ReadOnlySpan<byte> data) =>
        SendRaw(_out.AsSpan(0, Dialect.WriteReply(_out, command.Id, command.Sequence, data)));

    public byte[] Event(ushort vcpu, EventBody body, uint? sequence = null)
    {
        var state = new VcpuState { Mode = 8 };
        state.Regs.Rip = 0x1000u + vcpu;
        var length = Dialect.WriteEvent(_out, sequence ?? ++_eventSequence, vcpu, in state, in body);
        return _out[..length];
    }

    public void SendEvent(ushort vcpu, EventBody body) => SendRaw(Event(vcpu, body));

    /// <summary>True when the tool has closed; reads whatever comes before.</summary>
    public bool IsClosedByTool()
    {
        try
        {
            while (_socket.Receive(_buffer) > 0)
            {
            }

            return true;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode == SocketError.ConnectionReset;
        }
    }

    /// <summary>True when a read would not wait.</summary>
    public bool HasData => _end > _start || _socket.Poll(TimeSpan.Zero, SelectMode.SelectRead);

    public void CloseSending() => _socket.Shutdown(SocketShutdown.Send);

    public void Dispose() => _socket.Dispose();

    private KvmiError Unknown => Dialect.Id == KvmiDialect.V7 ? KvmiError.InvalidArgument : KvmiError.NoEntry;

    private VersionReply Version(Func<CommandKind, KvmiError>? checkCommand, Func<EventKind, KvmiError>? checkEvent) => Dialect.Id switch
    {
        KvmiDialect.V7 => new VersionReply(1, 0, 1UL << 32),
        KvmiDialect.RfcV5 => new VersionReply(1, 0, 0)
        {
            CommandMask = Mask(kind => Dialect.TryGetCommandId(kind, out var id) ? id : -1, checkCommand),
            EventMask = Mask(kind => Dialect.TryGetEventId(kind, out var id) ? id : -1, checkEvent),
        },
        _ => new VersionReply(1, 8184, 1),
    };

    private static uint Mask<T>(Func<T, int> idOf, Func<T, KvmiError>? check)
        where T : struct, Enum =>
        Enum.GetValues<T>().Where(kind => idOf(kind) >= 0 && (check?.Invoke(kind) ?? KvmiError.None) == KvmiError.None)
            .Aggregate(0u, (mask, kind) => mask | (1u << idOf(kind)));

    private byte[] Read(int length)
    {
        Fill(length);
        var bytes = _buffer.AsSpan(_start, length).ToArray();
        _start += length;
        return bytes;
    }

    private void Fill(int length)
    {
        if (_start == _end)
        {
            _start = 0;
            _end = 0;
        }
        else if (_buffer.Length - _start < length)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        while (_end - _start < length)
        {
            var count = _socket.Receive(_buffer.AsSpan(_end));
            Assert.True(count > 0, "the tool closed the connection");
            _end += count;
            ReceivesSinceSetup++;
        }
    }
}
