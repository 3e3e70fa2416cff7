using Kvmi.Protocol;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Policy.Testing.Replay;

/// <summary>What a replay needs of a capture: events with their replies, memory that was read, the number of vCPUs.</summary>
internal sealed class Recording
{
    private const int MaxVcpus = 1024;
    private readonly Dictionary<uint, (ulong Gpa, ulong Size)> _pendingReads = [];
    private readonly Dictionary<uint, RecordedEvent> _open = [];
    private List<(ulong Gpa, byte[] Data)> _reads = [];

    private Recording()
    {
    }

    /// <summary>Events in their order.</summary>
    public List<RecordedEvent> Events { get; } = [];

    /// <summary>Messages that could not be understood, and lines that are no message.</summary>
    public List<string> Problems { get; } = [];

    public int VcpuCount { get; private set; } = 1;

    public static Recording Read(IEnumerable<HexCaptureEntry> entries, KvmiDialect dialect)
    {
        var recording = new Recording();
        foreach (var item in CaptureConversation.Decode(entries, dialect))
        {
            recording.Take(item);
        }

        return recording;
    }

    private void Take(CaptureItem item)
    {
        if (item.Entry.Error is { } error)
        {
            Problems.Add(error);
        }

        if (item.Message is not { } message || item.Entry.Bytes is not { } bytes)
        {
            return;
        }

        switch (message.Role)
        {
            case MessageRole.Event when message.Problem is null: TakeEvent(item.Entry.Line, message, bytes); break;
            case MessageRole.Event: Problems.Add($"line {item.Entry.Line}: {message.Problem!.Reason}"); break;
            case MessageRole.EventReply: TakeReply(message, bytes); break;
            case MessageRole.Command when message.Name == "READ_PHYSICAL": TakeRead(message); break;
            case MessageRole.CommandReply when message.Error == 0: TakeAnswer(message); break;
            default: break;
        }
    }

    private void TakeEvent(int line, DecodedMessage message, byte[] bytes)
    {
        var recorded = new RecordedEvent(line, message.Sequence, bytes);
        recorded.Reads.AddRange(_reads);
        _reads = [];
        Events.Add(recorded);
        _open[message.Sequence] = recorded;
        Count(message.Find("vcpu")?.Number + 1);
    }

    private void TakeReply(DecodedMessage message, byte[] bytes)
    {
        if (_open.Remove(message.Sequence, out var recorded))
        {
            recorded.Reply = bytes;
            recorded.Reads.AddRange(_reads);
            _reads = [];
        }
    }

    private void TakeRead(DecodedMessage message)
    {
        if (message.Find("gpa") is { } gpa && message.Find("size") is { } size)
        {
            _pendingReads[message.Sequence] = (gpa.Number, size.Number);
        }
    }

    private void TakeAnswer(DecodedMessage message)
    {
        if (message.Name == "READ_PHYSICAL" && _pendingReads.Remove(message.Sequence, out var read) && message.Find("data") is { } data
            && (ulong)data.Data.Length == read.Size)
        {
            _reads.Add((read.Gpa, data.Data.ToArray()));
        }

        Count(message.Find("vcpu_count")?.Number);
    }

    private void Count(ulong? vcpus) => VcpuCount = (int)Math.Clamp(vcpus ?? 0, (ulong)VcpuCount, MaxVcpus);
}
