using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Traces.Recording;

/// <summary>
/// Says of each message of a conversation whether it is an event that expects an answer, and where guest memory stands in it: the answers to
/// READ_PHYSICAL and the requests of WRITE_PHYSICAL. One per connection.
/// </summary>
internal sealed class MemoryInMessages
{
    // More reads than these are never under way (VmConnection keeps 128).
    private const int MaxReads = 1024;
    private readonly Dialect _dialect;
    private readonly Dictionary<uint, ulong> _reads = [];
    private readonly int _read;
    private readonly int _write;

    public MemoryInMessages(Dialect dialect)
    {
        _dialect = dialect;
        _read = dialect.TryGetCommandId(CommandKind.ReadPhysical, out var read) ? read : -1;
        _write = dialect.TryGetCommandId(CommandKind.WritePhysical, out var write) ? write : -1;
    }

    /// <summary>Looks at the next message.</summary>
    /// <param name="direction">Who sent it.</param>
    /// <param name="message">Its bytes.</param>
    /// <param name="memory">Where guest memory stands in it; null for nowhere.</param>
    /// <returns>True for an event that expects an answer.</returns>
    public bool See(MessageDirection direction, ReadOnlySpan<byte> message, out (int Offset, int Length)? memory)
    {
        memory = null;
        if (!MessageHeader.TryRead(message, out var header) || header.MessageLength != message.Length)
        {
            return false;
        }

        var payload = message[MessageHeader.Length..];
        switch (_dialect.Classify(direction, header.Id))
        {
            case MessageRole.Event:
                return _dialect.ReadEvent(message, out var frame) == DecodeStatus.Ok && _dialect.ExpectsReply(frame.Kind);
            case MessageRole.Command when header.Id == _read && _dialect.Read(payload, out ReadPhysical read) == CommandStatus.Ok:
                if (_reads.Count == MaxReads)
                {
                    _reads.Clear();
                }

                _reads[header.Sequence] = read.Size;
                return false;
            case MessageRole.Command when header.Id == _write && _dialect.Read(payload, out WritePhysical write) == CommandStatus.Ok:
                memory = Place(message, write.Data);
                return false;
            case MessageRole.CommandReply when header.Id == _read && _reads.Remove(header.Sequence, out var size):
                if (_dialect.ReadReply(payload, out var error, out var data) == DecodeStatus.Ok && error == KvmiError.None && (ulong)data.Length == size)
                {
                    memory = Place(message, data);
                }

                return false;
            default:
                return false;
        }
    }

    private static (int Offset, int Length)? Place(ReadOnlySpan<byte> message, ReadOnlySpan<byte> data) =>
        !data.IsEmpty && message.Overlaps(data, out var offset) ? (offset, data.Length) : null;
}
