using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Traces.Editing;

/// <summary>Decides record by record what a cut keeps.</summary>
internal sealed class EventCutter
{
    private readonly TraceWriter _writer;
    private readonly TraceRange _range;
    private readonly Dictionary<uint, Conversation> _open = [];
    private bool _begun;
    private bool _isBeyond;

    public EventCutter(TraceWriter writer, TraceRange range) => (_writer, _range) = (writer, range);

    public long Dropped { get; private set; }

    /// <summary>Number of the first kept event; 0 for none.</summary>
    public long FirstKept { get; private set; }

    // Whatever is read now is read for events that are left out.
    private bool IsOver => _isBeyond && _open.Values.All(conversation => conversation.Kept.Count == 0);

    public void Take(TraceRecord record)
    {
        if (record is TraceVm vm && Dialect.All.FirstOrDefault(dialect => dialect.Name == vm.Dialect) is { } dialect)
        {
            _open.TryAdd(record.Connection, new Conversation(dialect));
        }

        if (!_open.TryGetValue(record.Connection, out var conversation))
        {
            RecordCopy.Write(_writer, record);
            return;
        }

        switch (record)
        {
            case TraceMessage message:
                Take(conversation, message);
                break;
            case TraceDecision decision:
                if (conversation.Kept.Contains(decision.Sequence))
                {
                    RecordCopy.Write(_writer, record);
                }

                break;
            case TraceDetached:
                Flush(conversation);
                RecordCopy.Write(_writer, record);
                _open.Remove(record.Connection);
                break;
            default:
                RecordCopy.Write(_writer, record);
                break;
        }
    }

    /// <summary>What was held back for a later event, and none came.</summary>
    public void Finish() => Array.ForEach([.. _open.Values], Flush);

    private void Take(Conversation conversation, TraceMessage message)
    {
        if (!MessageHeader.TryRead(message.Bytes, out var header) || header.MessageLength != message.Bytes.Length)
        {
            RecordCopy.Write(_writer, message);
            return;
        }

        switch (conversation.Dialect.Classify(message.Direction, header.Id))
        {
            case MessageRole.Event when message.Event != 0:
                TakeEvent(conversation, message, header.Sequence);
                break;
            case MessageRole.EventReply:
                if (conversation.Kept.Remove(header.Sequence) || !conversation.LeftEvents.Remove(header.Sequence))
                {
                    RecordCopy.Write(_writer, message);
                }

                break;
            case MessageRole.Command when !_begun && IsRead(conversation, header.Id):
                conversation.Reads[header.Sequence] = message;
                break;
            case MessageRole.Command when IsOver && IsRead(conversation, header.Id):
                conversation.Left.Add(header.Sequence);
                break;
            case MessageRole.CommandReply when conversation.Left.Remove(header.Sequence):
                break;
            case MessageRole.CommandReply when conversation.Reads.Remove(header.Sequence, out var request):
                // The last answer of each place is what a later event finds there.
                if (conversation.Dialect.Read(request.Bytes.AsSpan(MessageHeader.Length), out ReadPhysical read) == CommandStatus.Ok)
                {
                    conversation.Memory[(read.Gpa, read.Size)] = (request, message);
                }

                break;
            default:
                RecordCopy.Write(_writer, message);
                break;
        }
    }

    private void TakeEvent(Conversation conversation, TraceMessage message, uint sequence)
    {
        if (!_range.Contains(message.Event, message.Nanoseconds))
        {
            Dropped++;
            _isBeyond |= message.Event > _range.LastEvent || message.Nanoseconds > _range.LastTime;
            conversation.LeftEvents.Add(sequence);
            return;
        }

        if (!_begun)
        {
            _begun = true;
            FirstKept = message.Event;
            Finish();
        }

        conversation.Kept.Add(sequence);
        RecordCopy.Write(_writer, message);
    }

    private static bool IsRead(Conversation conversation, ushort id) =>
        conversation.Dialect.TryGetCommand(id, out var kind) && kind == CommandKind.ReadPhysical;

    private void Flush(Conversation conversation)
    {
        foreach (var (request, answer) in conversation.Memory.Values.OrderBy(pair => pair.Answer.Number))
        {
            RecordCopy.Write(_writer, request);
            RecordCopy.Write(_writer, answer);
        }

        // Reads that were under way are answered inside the range.
        foreach (var request in conversation.Reads.Values.OrderBy(request => request.Number))
        {
            RecordCopy.Write(_writer, request);
        }

        conversation.Memory.Clear();
        conversation.Reads.Clear();
    }

    private sealed class Conversation(Dialect dialect)
    {
        public Dialect Dialect { get; } = dialect;

        public HashSet<uint> Kept { get; } = [];

        public HashSet<uint> LeftEvents { get; } = [];

        public HashSet<uint> Left { get; } = [];

        public Dictionary<uint, TraceMessage> Reads { get; } = [];

        public Dictionary<(ulong Gpa, ulong Size), (TraceMessage Request, TraceMessage Answer)> Memory { get; } = [];
    }
}
