using System.Buffers.Binary;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Layouts;

/// <summary>
/// Turns the messages of one conversation into named fields, in the order in which they were sent. It remembers which commands
/// and events wait for an answer, because the extra data of an event reply is understood by the event it answers. One
/// instance per connection and thread. It takes any bytes: what it cannot understand becomes a message with a
/// <see cref="DecodedMessage.Problem"/>, never an exception.
/// </summary>
public sealed class MessageDecoder
{
    private readonly DialectLayouts _layouts;
    private readonly OutstandingTable _commands = new();
    private readonly OutstandingTable _events = new();

    /// <summary>Makes a decoder for a conversation in this dialect.</summary>
    /// <exception cref="NotSupportedException">This build has no layouts for the dialect; see <see cref="Supports"/>.</exception>
    public MessageDecoder(KvmiDialect dialect)
        : this(DialectLayouts.Get(dialect))
    {
    }

    internal MessageDecoder(DialectLayouts layouts) => _layouts = layouts;

    /// <summary>The dialect of the conversation.</summary>
    public KvmiDialect Dialect => _layouts.Dialect;

    /// <summary>Commands seen whose reply was not seen yet.</summary>
    public int OutstandingCommands => _commands.Count;

    /// <summary>Events seen whose reply was not seen yet.</summary>
    public int OutstandingEvents => _events.Count;

    /// <summary>True when this build has the message layouts of a dialect.</summary>
    public static bool Supports(KvmiDialect dialect) => DialectLayouts.Find(dialect) is not null;

    /// <summary>Decodes the record that the device manager sends first; it has no message header.</summary>
    public static DecodedMessage DecodeHello(ReadOnlySpan<byte> record) => DecodeRecord(
        MessageDirection.KernelToTool, DecodedMessage.Hello, record, HandshakeLayouts.HelloFor(record.Length));

    /// <summary>Decodes the record that the tool answers it with; it has no message header.</summary>
    public static DecodedMessage DecodeAnswer(ReadOnlySpan<byte> record) => DecodeRecord(
        MessageDirection.ToolToKernel, DecodedMessage.HelloAnswer, record, HandshakeLayouts.Answer);

    /// <summary>Decodes one message.</summary>
    /// <param name="direction">Who sent it.</param>
    /// <param name="message">The whole message, header included.</param>
    public DecodedMessage Decode(MessageDirection direction, ReadOnlySpan<byte> message)
    {
        if (!MessageHeader.TryRead(message, out var header))
        {
            return Raw(direction, MessageRole.Handshake, default, message) with
            {
                Size = message.Length,
                Problem = new DecodeProblem(message.Length, $"a message header has {MessageHeader.Length} bytes, {message.Length} are there"),
            };
        }

        var role = Classify(direction, header);
        var payload = message[MessageHeader.Length..];
        if (payload.Length != header.Size)
        {
            return Raw(direction, role, header, payload) with
            {
                Problem = new DecodeProblem(
                    MessageHeader.Length + Math.Min(payload.Length, (int)header.Size),
                    $"the header announces {header.Size} payload bytes, {payload.Length} are there"),
            };
        }

        return role switch
        {
            MessageRole.Command => Command(header, payload),
            MessageRole.CommandReply => Reply(header, payload),
            MessageRole.Event => Event(header, payload),
            _ => EventReply(header, payload),
        };
    }

    private MessageRole Classify(MessageDirection direction, MessageHeader header) => direction switch
    {
        MessageDirection.ToolToKernel => header.Id == _layouts.EventReplyId ? MessageRole.EventReply : MessageRole.Command,

        // A tool that sends an event's id as a command gets an error reply under that id (kvmi-rfc-v5.md 1.7).
        _ => _layouts.Shape(header.Id) is not null && !_commands.Contains(header.Id, header.Sequence)
            ? MessageRole.Event
            : MessageRole.CommandReply,
    };

    private DecodedMessage Command(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        _commands.Add(header.Id, header.Sequence, header.Id);
        if (_layouts.Command(header.Id) is not { } command)
        {
            return Raw(MessageDirection.ToolToKernel, MessageRole.Command, header, payload) with { Problem = UnknownId(header) };
        }

        var fields = new List<DecodedField>();
        var offset = 0;
        FieldReader.Read(payload, ref offset, command.RequestFor(payload.Length), fields);
        FieldReader.ReadTrailing(payload, offset, fields);
        return Message(MessageDirection.ToolToKernel, MessageRole.Command, command.Name, header, fields);
    }

    private DecodedMessage Reply(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        _commands.TryTake(header.Id, header.Sequence, out _);
        var command = _layouts.Command(header.Id);
        var fields = new List<DecodedField>();
        var offset = 0;
        int? error = null;
        if (FieldReader.Read(payload, ref offset, ReplyLayouts.Error, fields) || payload.Length >= 4)
        {
            error = (int)fields[0].Value.SignedNumber;
            fields.RemoveAt(0);
        }

        if (command is not null && error == 0)
        {
            FieldReader.Read(payload, ref offset, command.Reply, fields);
        }

        FieldReader.ReadTrailing(payload, offset, fields);
        return Message(MessageDirection.KernelToTool, MessageRole.CommandReply, command?.Name ?? DecodedMessage.Unknown, header, fields) with
        {
            Error = error,
            Problem = command is null ? UnknownId(header) : null,
        };
    }

    private DecodedMessage Event(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        var shape = _layouts.Shape(header.Id)!;
        var fields = new List<DecodedField>();
        var offset = 0;
        var whole = FieldReader.Read(payload, ref offset, shape.Base, fields);
        var id = Number(fields, EventShape.EventField);
        var entry = id is { } known ? Array.Find(shape.Events, candidate => candidate.Id == known) : null;
        DecodeProblem? problem = null;
        if (!whole)
        {
            problem = new DecodeProblem(
                MessageHeader.Length + payload.Length,
                $"an event begins with {FieldLayout.FixedLength(shape.Base)} bytes, the payload has {payload.Length}");
        }
        else if (entry is null)
        {
            problem = new DecodeProblem(MessageHeader.Length, $"event id {id} is not defined in {_layouts.Name} under message id {header.Id}");
        }
        else
        {
            if (entry.ExpectsReply)
            {
                _events.Add(_layouts.EventReplyId, header.Sequence, entry.Id);
            }

            problem = ReadBaseExtra(shape, payload, ref offset, fields);
            FieldReader.Read(payload, ref offset, entry.Data, fields);
        }

        FieldReader.ReadTrailing(payload, offset, fields);
        return Message(MessageDirection.KernelToTool, MessageRole.Event, entry?.Name ?? DecodedMessage.Unknown, header, fields) with { Problem = problem };
    }

    private DecodedMessage EventReply(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        var fields = new List<DecodedField>();
        var offset = 0;
        var whole = FieldReader.Read(payload, ref offset, _layouts.EventReplyBase, fields);
        var named = Number(fields, EventShape.EventField);

        // The kernel goes by the event that waits, not by the event byte of the reply; a capture may begin after the event.
        var entry = _events.TryTake(header.Id, header.Sequence, out var waiting)
            ? _layouts.Event((ulong)waiting)
            : named is { } id ? _layouts.Event(id) : null;
        if (whole && entry is not null)
        {
            FieldReader.Read(payload, ref offset, entry.ReplyExtra, fields);
        }

        FieldReader.ReadTrailing(payload, offset, fields);
        return Message(MessageDirection.ToolToKernel, MessageRole.EventReply, entry?.Name ?? DecodedMessage.Unknown, header, fields) with
        {
            Problem = entry is null
                ? new DecodeProblem(MessageHeader.Length, $"no event with sequence {header.Sequence} was seen, and the reply names none of {_layouts.Name}")
                : null,
        };
    }

    private static DecodeProblem? ReadBaseExtra(EventShape shape, ReadOnlySpan<byte> payload, ref int offset, List<DecodedField> fields)
    {
        if (shape.SizeField is null || Number(fields, shape.SizeField) is not { } size)
        {
            return null;
        }

        var end = shape.SizeOrigin + (int)size;
        if (end < offset || end > payload.Length)
        {
            return new DecodeProblem(
                MessageHeader.Length + shape.SizeOrigin,
                $"the size field of the event says {size}; {offset - shape.SizeOrigin} to {payload.Length - shape.SizeOrigin} fit this message");
        }

        if (end > offset)
        {
            fields.Add(new DecodedField(ReplyLayouts.BaseExtra, FieldValue.Bytes(payload[offset..end].ToArray())));
            offset = end;
        }

        return null;
    }

    private static DecodedMessage DecodeRecord(MessageDirection direction, string name, ReadOnlySpan<byte> record, FieldLayout[] layout)
    {
        var fields = new List<DecodedField>();
        var offset = 0;
        FieldReader.Read(record, ref offset, layout, fields);
        FieldReader.ReadTrailing(record, offset, fields);
        var announced = record.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(record) : 0;
        return new DecodedMessage
        {
            Direction = direction,
            Role = MessageRole.Handshake,
            Name = name,
            Size = record.Length,
            Fields = fields,
            Problem = announced == record.Length
                ? null
                : new DecodeProblem(0, $"the size field says {announced}, the record has {record.Length} bytes"),
        };
    }

    private DecodeProblem UnknownId(MessageHeader header) => new(0, $"message id {header.Id} is not defined in {_layouts.Name}");

    private static ulong? Number(List<DecodedField> fields, string name) => fields.Find(field => field.Name == name)?.Value.Number;

    private static DecodedMessage Raw(MessageDirection direction, MessageRole role, MessageHeader header, ReadOnlySpan<byte> bytes) =>
        Message(
            direction,
            role,
            DecodedMessage.Unknown,
            header,
            bytes.IsEmpty && header.Size == 0 ? [] : [new DecodedField(FieldReader.Payload, FieldValue.Bytes(bytes.ToArray()))]);

    private static DecodedMessage Message(
        MessageDirection direction, MessageRole role, string name, MessageHeader header, IReadOnlyList<DecodedField> fields) => new()
        {
            Direction = direction,
            Role = role,
            Name = name,
            Id = header.Id,
            Sequence = header.Sequence,
            Size = header.Size,
            Fields = fields,
        };
}
