using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Layouts;

/// <summary>
/// One message of a conversation in named fields. It owns its data. <see cref="MessageEncoder"/> makes exactly the bytes
/// again that <see cref="MessageDecoder"/> made it from.
/// </summary>
public sealed record DecodedMessage
{
    /// <summary>Name of a message whose layout is not known.</summary>
    public const string Unknown = "unknown";

    /// <summary>Name of the device manager's first record.</summary>
    public const string Hello = "HELLO";

    /// <summary>Name of the tool's answer to it.</summary>
    public const string HelloAnswer = "HELLO_ANSWER";

    /// <summary>Who sent it.</summary>
    public required MessageDirection Direction { get; init; }

    /// <summary>What it is; <see cref="MessageRole.Handshake"/> also for bytes too few for a message header.</summary>
    public required MessageRole Role { get; init; }

    /// <summary>
    /// The protocol's name: of the command (also for its reply), of the event (also for its reply), <see cref="Hello"/>,
    /// <see cref="HelloAnswer"/> or <see cref="Unknown"/>.
    /// </summary>
    public required string Name { get; init; }

    /// <summary>Wire id of the message; 0 for handshake records, which have no header.</summary>
    public ushort Id { get; init; }

    /// <summary>Sequence number; 0 for handshake records.</summary>
    public uint Sequence { get; init; }

    /// <summary>
    /// Payload bytes by the header; for handshake records, and for a message without a whole header, all its bytes. Null in a
    /// message made by hand: the encoder then counts.
    /// </summary>
    public int? Size { get; init; }

    /// <summary>Error code of a command reply; null in other messages and in a reply too short to have one.</summary>
    public int? Error { get; init; }

    /// <summary>The fields in wire order; of a command reply, those behind the error code.</summary>
    public IReadOnlyList<DecodedField> Fields { get; init; } = [];

    /// <summary>Why the message is not, or not wholly, understood; null when it is.</summary>
    public DecodeProblem? Problem { get; init; }

    /// <summary>Finds a field by name, outside structures.</summary>
    /// <returns>Null when the message does not have it.</returns>
    public FieldValue? Find(string name) => Fields.FirstOrDefault(field => field.Name == name)?.Value;
}
