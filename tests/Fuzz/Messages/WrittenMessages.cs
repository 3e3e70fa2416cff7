using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Fuzz.Messages;

/// <summary>
/// One message of every kind that a dialect has, written by its own codec: commands and event replies as the tool writes them, command
/// replies and events as the hypervisor does. Numbers are distinct and not zero, so that a field in the wrong place shows.
/// </summary>
internal sealed partial class WrittenMessages
{
    private const uint Sequence = 0x01020304;
    private const ushort Vcpu = 3;
    private readonly Dialect _dialect;
    private readonly List<SeedMessage> _messages = [];
    private readonly byte[] _buffer = new byte[MessageHeader.Length + ushort.MaxValue];

    private WrittenMessages(Dialect dialect) => _dialect = dialect;

    private delegate int MessageWriter(Span<byte> destination);

    /// <summary>Writes them.</summary>
    public static IReadOnlyList<SeedMessage> Of(Dialect dialect)
    {
        var written = new WrittenMessages(dialect);
        written.AddCommands();
        written.AddListCommands();
        written.AddReplies();
        written.AddEvents();
        return written._messages;
    }

    private bool Has(CommandKind kind) => _dialect.TryGetCommandId(kind, out _);

    private void Add(MessageDirection direction, MessageRole role, CommandKind? command, EventKind? happening, MessageWriter write)
    {
        var length = write(_buffer);
        var name = $"{_dialect.Name} {role} {command?.ToString() ?? happening?.ToString()}";
        _messages.Add(new SeedMessage(_dialect.Id, direction, role, name, _buffer[..length])
        {
            Command = command,
            Event = happening,
        });
    }
}
