using System.Collections.Frozen;
using Kvmi.Protocol.Dialects.RfcV5;
using Kvmi.Protocol.Dialects.V12;
using Kvmi.Protocol.Dialects.V7;

namespace Kvmi.Protocol.Layouts;

/// <summary>
/// All message layouts of one dialect: what <see cref="MessageDecoder"/> and <see cref="MessageEncoder"/> work from. A new
/// dialect is a table of its own and a line in <see cref="Tables"/>.
/// </summary>
internal sealed class DialectLayouts
{
    private readonly FrozenDictionary<ushort, CommandLayout> _commandById;
    private readonly FrozenDictionary<string, CommandLayout> _commandByName;
    private readonly FrozenDictionary<ushort, EventEntry> _eventById;
    private readonly FrozenDictionary<string, EventEntry> _eventByName;

    public DialectLayouts(KvmiDialect dialect, string name, CommandLayout[] commands, EventShape[] shapes, ushort replyId, FieldLayout[] replyBase)
    {
        Dialect = dialect;
        Name = name;
        Shapes = shapes;
        EventReplyId = replyId;
        EventReplyBase = replyBase;
        Commands = commands;
        _commandById = commands.ToFrozenDictionary(command => command.Id);
        _commandByName = commands.ToFrozenDictionary(command => command.Name, StringComparer.Ordinal);
        var events = shapes.SelectMany(shape => shape.Events).ToArray();
        _eventById = events.ToFrozenDictionary(entry => entry.Id);
        _eventByName = events.ToFrozenDictionary(entry => entry.Name, StringComparer.Ordinal);
    }

    public KvmiDialect Dialect { get; }

    /// <summary>Name of the dialect on the command line.</summary>
    public string Name { get; }

    public CommandLayout[] Commands { get; }

    public EventShape[] Shapes { get; }

    /// <summary>Message id of an event reply, tool to kernel.</summary>
    public ushort EventReplyId { get; }

    /// <summary>The fields in front of the extra data of an event reply; one is called <see cref="EventShape.EventField"/>.</summary>
    public FieldLayout[] EventReplyBase { get; }

    private static DialectLayouts[] Tables { get; } = [V7Layouts.Table, V12Layouts.V12, V12Layouts.V11, RfcV5Layouts.Table];

    public static DialectLayouts? Find(KvmiDialect dialect) => Array.Find(Tables, table => table.Dialect == dialect);

    /// <exception cref="NotSupportedException">There is no table for the dialect.</exception>
    public static DialectLayouts Get(KvmiDialect dialect) => Find(dialect) ?? throw new NotSupportedException(
        $"This build has no message layouts for the dialect {dialect}; it has {string.Join(", ", Tables.Select(table => table.Name))}.");

    public CommandLayout? Command(ushort id) => _commandById.GetValueOrDefault(id);

    public CommandLayout? Command(string name) => _commandByName.GetValueOrDefault(name);

    public EventEntry? Event(ulong id) => id <= ushort.MaxValue ? _eventById.GetValueOrDefault((ushort)id) : null;

    public EventEntry? Event(string name) => _eventByName.GetValueOrDefault(name);

    public EventShape? Shape(ushort messageId) => Array.Find(Shapes, shape => shape.MessageId == messageId);
}
