using System.Buffers;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Layouts;

/// <summary>
/// Turns named fields back into the bytes of a message: exactly those that <see cref="MessageDecoder"/> read, or those of a
/// message made by hand. Without state; may be shared between threads.
/// </summary>
public sealed class MessageEncoder
{
    private readonly DialectLayouts _layouts;

    /// <summary>Makes an encoder for a dialect.</summary>
    /// <exception cref="NotSupportedException">This build has no layouts for the dialect; see <see cref="MessageDecoder.Supports"/>.</exception>
    public MessageEncoder(KvmiDialect dialect)
        : this(DialectLayouts.Get(dialect))
    {
    }

    internal MessageEncoder(DialectLayouts layouts) => _layouts = layouts;

    /// <summary>Makes the bytes of a message, header included.</summary>
    /// <exception cref="ArgumentException">
    /// The name does not exist in the dialect, a value does not fit its field, a field has no place in the layout, or the
    /// message is longer than its <see cref="DecodedMessage.Size"/>.
    /// </exception>
    public byte[] Encode(DecodedMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var output = new ArrayBufferWriter<byte>();
        var hasHeader = message.Role != MessageRole.Handshake;
        if (hasHeader)
        {
            output.GetSpan(MessageHeader.Length)[..MessageHeader.Length].Clear();
            output.Advance(MessageHeader.Length);
        }

        var headerLength = output.WrittenCount;
        var fields = message.Error is { } error
            ? [new DecodedField(ReplyLayouts.ErrorField, FieldValue.Signed(error)), .. message.Fields]
            : message.Fields;
        var writer = new FieldWriter(output, fields, headerLength);
        var isRaw = message.Find(FieldReader.Payload) is not null;
        if (isRaw)
        {
            writer.WriteRaw(FieldReader.Payload);
        }
        else
        {
            WriteFields(message, writer);
            writer.WriteRaw(FieldReader.Trailing);
        }

        writer.RequireAllUsed($"The message {message.Name} cannot be written");
        var bytes = output.WrittenSpan;
        if (!isRaw && message.Size is { } size)
        {
            bytes = Cut(message, bytes, headerLength, size);
        }

        var result = bytes.ToArray();
        if (hasHeader)
        {
            var announced = message.Size ?? (result.Length - headerLength);
            if (announced is < 0 or > ushort.MaxValue)
            {
                throw new ArgumentException($"The message {message.Name} has {announced} payload bytes; a header can say {ushort.MaxValue} at most.", nameof(message));
            }

            new MessageHeader(message.Id, (ushort)announced, message.Sequence).Write(result);
        }

        return result;
    }

    private void WriteFields(DecodedMessage message, FieldWriter writer)
    {
        switch (message.Role)
        {
            case MessageRole.Handshake when message.Name == DecodedMessage.Hello:
                writer.Write(HandshakeLayouts.HelloFor(message.Size ?? HelloLength(message, writer)));
                break;
            case MessageRole.Handshake when message.Name == DecodedMessage.HelloAnswer:
                writer.Write(HandshakeLayouts.Answer);
                break;
            case MessageRole.Command when message.Name != DecodedMessage.Unknown:
                WriteCommand(message, Command(message), writer);
                break;
            case MessageRole.CommandReply:
                WriteReply(message, writer);
                break;
            case MessageRole.Event:
                WriteEvent(message, writer);
                break;
            case MessageRole.EventReply:
                if (writer.Write(_layouts.EventReplyBase) && message.Name != DecodedMessage.Unknown)
                {
                    writer.Write(Event(message).ReplyExtra);
                }

                break;
            default:
                break;
        }
    }

    private static void WriteCommand(DecodedMessage message, CommandLayout command, FieldWriter writer)
    {
        // Without a size, the old form is meant when it has a place for every field.
        var isOld = message.Size is null && command.OldRequest is { } old
            && message.Fields.All(field => Array.Exists(old, candidate => candidate.Name == field.Name));
        writer.Write(isOld ? command.OldRequest! : command.RequestFor(message.Size ?? -1));
    }

    private void WriteReply(DecodedMessage message, FieldWriter writer)
    {
        if (writer.Write(ReplyLayouts.Error) && message.Error == 0 && message.Name != DecodedMessage.Unknown)
        {
            writer.Write(Command(message).Reply);
        }
    }

    private void WriteEvent(DecodedMessage message, FieldWriter writer)
    {
        var shape = _layouts.Shape(message.Id)
            ?? throw new ArgumentException($"The message id {message.Id} is not that of an event in {_layouts.Name}.", nameof(message));
        if (writer.Write(shape.Base) && message.Name != DecodedMessage.Unknown)
        {
            writer.WriteRaw(ReplyLayouts.BaseExtra);
            writer.Write(Event(message).Data);
        }
    }

    private static int HelloLength(DecodedMessage message, FieldWriter writer) =>
        message.Find("e820_count") is { } count ? Handshake.HelloRecord.SizeWithE820((int)Math.Min(count.Number, byte.MaxValue))
        : message.Find("max_gpa") is not null ? Handshake.HelloRecord.ExtendedSize
        : (int)Math.Min(writer.Peek(HandshakeLayouts.SizeField) ?? 0, Handshake.HelloRecord.BaseSize);

    private CommandLayout Command(DecodedMessage message) => _layouts.Command(message.Name)
        ?? throw new ArgumentException($"The dialect {_layouts.Name} has no command {message.Name}.", nameof(message));

    private EventEntry Event(DecodedMessage message) => _layouts.Event(message.Name)
        ?? throw new ArgumentException($"The dialect {_layouts.Name} has no event {message.Name}.", nameof(message));

    // A message that was short on the wire ends inside padding, which the layout writes whole.
    private static ReadOnlySpan<byte> Cut(DecodedMessage message, ReadOnlySpan<byte> bytes, int headerLength, int size)
    {
        var length = headerLength + size;
        if (size < 0 || bytes.Length < length || bytes[length..].ContainsAnyExcept((byte)0))
        {
            throw new ArgumentException(
                $"The fields of the message {message.Name} make {bytes.Length - headerLength} bytes, its size says {size}. "
                + "Set the size to null to have it counted.",
                nameof(message));
        }

        return bytes[..length];
    }
}
