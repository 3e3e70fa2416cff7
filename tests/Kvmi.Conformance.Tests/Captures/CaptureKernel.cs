using System.Buffers.Binary;
using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Handshake;

namespace Kvmi.Conformance.Tests.Captures;

/// <summary>
/// Plays the kernel's half of a capture against a tool: its events and replies byte for byte, save for the sequence numbers of replies, which are the
/// tool's own. What the tool asks at connect is answered from the captures of the same dialect, or as a permissive kernel would.
/// </summary>
internal sealed class CaptureKernel : IDisposable
{
    private const int GiveUpMilliseconds = 20_000;
    private static readonly byte[] UsualHello = MakeHello();
    private readonly CaptureScript _script;
    private readonly ReplyBook _book;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Dictionary<uint, CaptureStep> _waiting = [];
    private readonly Dictionary<uint, uint> _sequences = [];

    public CaptureKernel(CaptureScript script, ReplyBook book)
    {
        _script = script;
        _book = book;
    }

    /// <summary>What the tool sent and the captured tool did not.</summary>
    public List<string> Differences { get; } = [];

    /// <summary>Commands of the connect phase, without their sequence numbers: those of the capture that the tool sent too.</summary>
    public List<byte[]> ConnectCommands { get; } = [];

    public int CommandsCompared { get; private set; }

    public int RepliesCompared { get; private set; }

    public int EventsSent { get; private set; }

    /// <summary>Plays to the end of the capture.</summary>
    public void Play(string path, Task attached)
    {
        _socket.ReceiveTimeout = GiveUpMilliseconds;
        _socket.SendTimeout = GiveUpMilliseconds;
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _socket.Send(_script.Hello ?? UsualHello);
        var answer = new byte[HandshakeAnswer.Length];
        Receive(answer);
        if (_script.Answer is { } captured && !captured.AsSpan().SequenceEqual(answer))
        {
            Differences.Add($"the answer to the hello is {Convert.ToHexString(answer)}, captured {Convert.ToHexString(captured)}");
        }

        AnswerUntil(attached);
        foreach (var step in _script.Played.ToList())
        {
            PlayStep(step);
        }

        while (_waiting.Count > 0)
        {
            TakeEventReply(Read());
        }
    }

    /// <summary>Answers what the tool still sends until it closes.</summary>
    public void AnswerToTheEnd()
    {
        while (TryRead() is { } message)
        {
            AnswerFreely(message);
        }
    }

    public void Dispose() => _socket.Dispose();

    private static byte[] MakeHello()
    {
        var hello = new HelloRecord
        {
            Size = HelloRecord.BaseSize,
            Uuid = Guid.Parse("4b564d49-0000-4000-8000-636170747572"),
            CpuType = 0,
            StartTime = 0,
            Name = HelloRecord.EncodeName("captured"),
            MaxGpa = null,
            E820 = [],
        };
        var bytes = new byte[HelloRecord.BaseSize];
        hello.Write(bytes);
        return bytes;
    }

    private void AnswerUntil(Task attached)
    {
        var clock = TimeProvider.System;
        var start = clock.GetTimestamp();
        while (!attached.IsCompleted)
        {
            Assert.True(clock.GetElapsedTime(start) < TimeSpan.FromMilliseconds(GiveUpMilliseconds), "The tool did not attach.");
            if (_socket.Poll(TimeSpan.FromMilliseconds(5), SelectMode.SelectRead) && !attached.IsCompleted)
            {
                var message = Read();
                ConnectCommands.Add(WithSequence(message, 0));
                AnswerFreely(message);
            }
        }
    }

    private void PlayStep(CaptureStep step)
    {
        switch (step.Role)
        {
            case MessageRole.Command:
                Compare(step, Read());
                break;
            case MessageRole.CommandReply:
                Send(WithSequence(step.Bytes, _sequences[step.Header.Sequence]));
                break;
            case MessageRole.Event:
                Assert.Equal(DecodeStatus.Ok, _script.Dialect.ReadEvent(step.Bytes, out var frame));
                Send(step.Bytes);
                EventsSent++;
                if (_script.Dialect.ExpectsReply(frame.Kind))
                {
                    _waiting.Add(step.Header.Sequence, step);
                }

                break;
            case MessageRole.EventReply:
                // Several events may wait: the tool answers them in the order of its own choice.
                while (_waiting.ContainsKey(step.Header.Sequence))
                {
                    TakeEventReply(Read());
                }

                break;
            default:
                break;
        }
    }

    private void Compare(CaptureStep captured, byte[] actual)
    {
        MessageHeader.TryRead(actual, out var header);
        _sequences[captured.Header.Sequence] = header.Sequence;
        CommandsCompared++;
        if (!WithSequence(captured.Bytes, header.Sequence).AsSpan().SequenceEqual(actual))
        {
            Differences.Add($"{captured}: the tool sent {Convert.ToHexString(actual)}, captured {Convert.ToHexString(captured.Bytes)}");
        }
    }

    private void TakeEventReply(byte[] actual)
    {
        MessageHeader.TryRead(actual, out var header);
        if (_script.Dialect.Classify(MessageDirection.ToolToKernel, header.Id) != MessageRole.EventReply || !_waiting.Remove(header.Sequence, out var answered))
        {
            Differences.Add($"the tool sent {Convert.ToHexString(actual)} while the replies to {string.Join(", ", _waiting.Keys)} are due");
            throw new InvalidOperationException(Differences[^1]);
        }

        var captured = _script.Steps.FirstOrDefault(step => step.Role == MessageRole.EventReply && step.Header.Sequence == header.Sequence);
        if (captured is null)
        {
            return;
        }

        RepliesCompared++;
        var expected = Canonical(answered, captured);
        if (!expected.AsSpan().SequenceEqual(actual))
        {
            Differences.Add($"{captured}: the tool answered {Convert.ToHexString(actual)}, expected {Convert.ToHexString(expected)}");
        }
    }

    /// <summary>The captured reply; where its tool left out trailing bytes that are zero, with them: the kernel takes both for the same.</summary>
    private byte[] Canonical(CaptureStep answered, CaptureStep captured)
    {
        _script.Dialect.ReadEvent(answered.Bytes, out var frame);
        var length = _script.Dialect.EventReplyLength(frame.Kind);
        if (captured.Bytes.Length >= length)
        {
            return captured.Bytes;
        }

        var whole = new byte[length];
        captured.Bytes.CopyTo(whole, 0);
        new MessageHeader(captured.Header.Id, (ushort)(length - MessageHeader.Length), captured.Header.Sequence).Write(whole);
        return whole;
    }

    private void AnswerFreely(byte[] message)
    {
        MessageHeader.TryRead(message, out var header);
        if (_script.Dialect.Classify(MessageDirection.ToolToKernel, header.Id) != MessageRole.Command)
        {
            Differences.Add($"the tool sent {Convert.ToHexString(message)}, which is no command");
            return;
        }

        Send(WithSequence(_book.Answer(message), header.Sequence));
    }

    private static byte[] WithSequence(byte[] message, uint sequence)
    {
        var copy = (byte[])message.Clone();
        BinaryPrimitives.WriteUInt32LittleEndian(copy.AsSpan(4), sequence);
        return copy;
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    private byte[] Read() => TryRead() ?? throw new InvalidOperationException("The tool closed the connection before the end of the capture.");

    private byte[]? TryRead()
    {
        var header = new byte[MessageHeader.Length];
        if (!Receive(header))
        {
            return null;
        }

        MessageHeader.TryRead(header, out var parsed);
        var message = new byte[parsed.MessageLength];
        header.CopyTo(message, 0);
        return Receive(message.AsSpan(MessageHeader.Length)) ? message : null;
    }

    private bool Receive(Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var count = _socket.Receive(destination, SocketFlags.None, out var error);
            Assert.False(error is SocketError.TimedOut or SocketError.WouldBlock, "The tool sent nothing for a long time.");
            if (count <= 0 || error != SocketError.Success)
            {
                return false;
            }

            destination = destination[count..];
        }

        return true;
    }
}
