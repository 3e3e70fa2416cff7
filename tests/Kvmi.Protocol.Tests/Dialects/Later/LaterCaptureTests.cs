using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Protocol.Tests.Dialects.V7;

namespace Kvmi.Protocol.Tests.Dialects.Later;

/// <summary>The typed codec against the bytes of a real kernel and its tool, both directions and both ends.</summary>
public abstract class LaterCaptureTests(KvmiDialect dialect)
{
    protected Dialect Codec { get; } = Dialect.Find(dialect)!;

    /// <summary>What no typed value can express.</summary>
    protected abstract string[] Inexpressible { get; }

    protected abstract (int Commands, int Replies, int EventReplies, int ShortEventReplies) Made { get; }

    protected abstract EventKind[] EventKinds { get; }

    /// <summary>The event with zeros where the kernel leaves what was in its memory.</summary>
    protected virtual byte[] WithoutPadding(byte[] message) => message;

    [Fact]
    public void Every_command_is_made_again_from_its_typed_values()
    {
        var made = 0;
        var others = new List<string>();
        foreach (var (file, entry) in CaptureFiles.Messages(dialect).Where(item => Is(item.Entry, MessageRole.Command)))
        {
            var header = CaptureFiles.Header(entry);
            var again = new byte[8192];
            var length = Codec.TryGetCommand(header.Id, out var kind)
                ? CaptureRewriter.Command(Codec, kind, header.Sequence, entry.Bytes.AsSpan(8), again)
                : 0;
            if (length == 0 || length != entry.Bytes!.Length)
            {
                others.Add($"{file} {header.Id} {entry.Note.Trim()}");
                continue;
            }

            Assert.Equal(Convert.ToHexString(entry.Bytes), Convert.ToHexString(again, 0, length));
            made++;
        }

        Assert.Equal(Inexpressible, others);
        Assert.Equal(Made.Commands, made);
    }

    [Fact]
    public void Every_reply_is_made_again_from_its_typed_values()
    {
        var made = 0;
        foreach (var (_, entry) in CaptureFiles.Messages(dialect).Where(item => Is(item.Entry, MessageRole.CommandReply)))
        {
            var header = CaptureFiles.Header(entry);
            var payload = entry.Bytes.AsSpan(8);
            Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(payload, out KvmiError error, out var data));
            var again = new byte[8192];
            var length = error == KvmiError.None && !data.IsEmpty
                ? Codec.WriteReply(again, header.Id, header.Sequence, CaptureRewriter.Data(Codec, header.Id, data))
                : Codec.WriteReply(again, header.Id, header.Sequence, error);
            Assert.Equal(Convert.ToHexString(entry.Bytes!), Convert.ToHexString(again, 0, length));
            made++;
        }

        Assert.Equal(Made.Replies, made);
    }

    [Fact]
    public void Every_event_is_made_again_from_its_typed_values()
    {
        var kinds = new HashSet<EventKind>();
        foreach (var (_, entry) in CaptureFiles.Messages(dialect).Where(item => Is(item.Entry, MessageRole.Event)))
        {
            Assert.Equal(DecodeStatus.Ok, Codec.ReadEvent(entry.Bytes, out var frame));
            var state = new VcpuState { Mode = frame.Mode, View = frame.View, Regs = frame.Regs, Sregs = frame.Sregs, Msrs = frame.Msrs };
            var again = new byte[8192];
            var length = Codec.WriteEvent(again, frame.Sequence, frame.Vcpu, in state, V7Events.Body(frame));
            Assert.Equal(Convert.ToHexString(WithoutPadding(entry.Bytes!)), Convert.ToHexString(again, 0, length));
            kinds.Add(frame.Kind);
        }

        Assert.Equal(EventKinds, kinds.Order());
    }

    [Fact]
    public void Every_event_reply_is_made_again_from_its_typed_values()
    {
        var waiting = new Dictionary<(string, uint), EventKind>();
        var replies = 0;
        var shorts = 0;
        foreach (var (file, entry) in CaptureFiles.Messages(dialect))
        {
            var bytes = entry.Bytes!;
            var header = CaptureFiles.Header(entry);
            if (Is(entry, MessageRole.Event))
            {
                Codec.ReadEvent(bytes, out var frame);
                waiting[(file, header.Sequence)] = frame.Kind;
            }

            if (!Is(entry, MessageRole.EventReply))
            {
                continue;
            }

            var kind = waiting[(file, header.Sequence)];
            Assert.Equal(CommandStatus.Ok, Codec.ReadEventReply(bytes, kind, out var vcpu, out var eventId, out var reply));
            Assert.True(Codec.TryGetEventId(kind, out var wireId));
            Assert.Equal(wireId, eventId);
            var again = new byte[512];
            var length = Codec.WriteEventReply(again, header.Sequence, vcpu, kind, in reply);
            Assert.Equal(Codec.EventReplyLength(kind), length);
            if (bytes.Length < length)
            {
                // A reply without its payload: the kernel takes zeros for the rest.
                again[2] = bytes[2];
                again[3] = bytes[3];
                Assert.DoesNotContain(again[bytes.Length..length], value => value != 0);
                length = bytes.Length;
                shorts++;
            }

            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(again, 0, length));
            replies++;
        }

        Assert.Equal((Made.EventReplies, Made.ShortEventReplies), (replies, shorts));
    }

    [Fact]
    public void Captured_padding_errors_are_the_kernels_verdict()
    {
        var entries = CaptureFiles.Read($"kvmi-{Codec.Name}-errors.hex");
        foreach (var (entry, reply) in entries.Zip(entries.Skip(1)).Where(pair => pair.First.Note.Contains("padding", StringComparison.Ordinal)))
        {
            var payload = entry.Bytes.AsSpan(8);
            Codec.TryGetCommand(CaptureFiles.Header(entry).Id, out var kind);
            var status = kind == CommandKind.CheckCommand
                ? Codec.Read(payload, out CheckCommand _)
                : Codec.Read(payload, out ControlEvents _);
            Assert.Equal(CommandStatus.Invalid, status);
            Codec.ReadReply(reply.Bytes.AsSpan(8), out KvmiError error, out _);
            Assert.Equal(KvmiError.InvalidArgument, error);
        }
    }

    private bool Is(HexCaptureEntry entry, MessageRole role) =>
        Codec.Classify(entry.Direction, CaptureFiles.Header(entry).Id) == role;
}
