using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Dialects.Capabilities;

/// <summary>Reads a dialect's codec and layouts and writes down what they say; nothing in here knows a dialect.</summary>
internal static class CapabilityTable
{
    public static DialectCapabilities Make(Dialect dialect)
    {
        var layouts = DialectLayouts.Get(dialect.Id);
        var kinds = Enum.GetValues<CommandKind>();
        var events = Enum.GetValues<EventKind>();
        return new DialectCapabilities
        {
            Dialect = dialect.Id,
            Name = dialect.Name,
            MaxPayload = dialect.MaxPayload,
            MaxPageAccessEntries = dialect.MaxPageAccessEntries,
            EventsAreMasks = dialect.EventsAreMasks,
            RepliesNameVcpu = dialect.RepliesNameVcpu,
            EventReplyId = layouts.EventReplyId,
            Commands = [.. kinds.Where(HasCommand).Select(kind => Command(dialect, layouts, kind)).OrderBy(command => command.Id)],
            Events = [.. events.Where(HasEvent).Select(kind => Event(dialect, layouts, kind)).OrderBy(entry => entry.Id)],
            Errors = ErrorCapability.All,
            MissingCommands = [.. kinds.Where(kind => !HasCommand(kind))],
            MissingEvents = [.. events.Where(kind => !HasEvent(kind))],
        };

        bool HasCommand(CommandKind kind) => dialect.TryGetCommandId(kind, out _);
        bool HasEvent(EventKind kind) => dialect.TryGetEventId(kind, out _);
    }

    private static CommandCapability Command(Dialect dialect, DialectLayouts layouts, CommandKind kind)
    {
        dialect.TryGetCommandId(kind, out var id);
        var layout = layouts.Command(id) ?? throw WithoutLayout(dialect, kind, id);
        return new CommandCapability
        {
            Kind = kind,
            Id = id,
            Name = layout.Name,
            IsVcpuCommand = dialect.IsVcpuCommand(kind),
            ReturnsData = dialect.ReturnsData(kind),
            IsReserved = layout.IsReserved,
            Request = Length(layout.Request, 0, dialect.MaxPayload),
            OldRequest = layout.OldRequest is { } old ? Length(old, 0, dialect.MaxPayload) : null,
            Reply = Length(layout.Reply, FieldLayout.FixedLength(ReplyLayouts.Error), dialect.MaxPayload),
        };
    }

    private static EventCapability Event(Dialect dialect, DialectLayouts layouts, EventKind kind)
    {
        dialect.TryGetEventId(kind, out var id);
        var entry = layouts.Event((ulong)id) ?? throw WithoutLayout(dialect, kind, id);
        var shape = layouts.Shapes.First(candidate => candidate.Events.Contains(entry));
        return new EventCapability
        {
            Kind = kind,
            Id = id,
            Name = entry.Name,
            MessageId = shape.MessageId,
            IsVmEvent = dialect.IsVmEvent(kind),
            SwitchedOnBy = dialect.SwitchedOnBy(kind),
            Actions = [.. Enum.GetValues<EventAction>().Where(action => dialect.IsLegalAction(kind, action))],
            Payload = FieldLayout.FixedLength(shape.Base) + FieldLayout.FixedLength(entry.Data),
            ReplyPayload = dialect.ExpectsReply(kind)
                ? FieldLayout.FixedLength(layouts.EventReplyBase) + FieldLayout.FixedLength(entry.ReplyExtra)
                : null,
        };
    }

    private static InvalidOperationException WithoutLayout(Dialect dialect, Enum kind, ushort id) =>
        new($"The {dialect.Name} dialect has {kind} under the id {id}, its layouts do not.");

    // No message has more than one part of variable length.
    private static PayloadLength Length(FieldLayout[] layout, int before, int maxPayload)
    {
        var fixedPart = before + FieldLayout.FixedLength(layout);
        if (Array.Find(layout, field => !field.IsFixed) is not { } rest)
        {
            return new PayloadLength(fixedPart, fixedPart, 0);
        }

        var step = Math.Max(1, rest.Length);
        var room = Math.Min(maxPayload - fixedPart, rest.Limit);
        return new PayloadLength(fixedPart, fixedPart + (room / step * step), step);
    }
}
