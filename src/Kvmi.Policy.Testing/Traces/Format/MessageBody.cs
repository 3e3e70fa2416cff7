using System.Buffers.Binary;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>
/// The body of a message record: direction, flags, then, where guest memory is taken out, which contents and where; then the bytes that are left.
/// </summary>
internal readonly ref struct MessageBody
{
    public const int FixedLength = 4;
    public const int ReferenceLength = 12;
    private const byte HasContentsFlag = 1;
    private const byte IsEventFlag = 2;

    public MessageDirection Direction { get; init; }

    /// <summary>True for an event that expects an answer: these are counted.</summary>
    public bool IsEvent { get; init; }

    public bool HasContents { get; init; }

    public uint Contents { get; init; }

    /// <summary>Where the contents were taken out of the message.</summary>
    public int Offset { get; init; }

    public int Length { get; init; }

    /// <summary>The message without the contents.</summary>
    public ReadOnlySpan<byte> Rest { get; init; }

    public int MessageLength => Rest.Length + Length;

    /// <summary>Writes the body of a message whose bytes from offset on are kept as contents.</summary>
    public static int Write(Span<byte> body, MessageDirection direction, bool isEvent, ReadOnlySpan<byte> message, uint? contents, int offset, int length)
    {
        body[0] = (byte)direction;
        body[1] = (byte)((contents is null ? 0 : HasContentsFlag) | (isEvent ? IsEventFlag : 0));
        body[2] = body[3] = 0;
        var at = FixedLength;
        if (contents is { } id)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(body[at..], id);
            BinaryPrimitives.WriteInt32LittleEndian(body[(at + 4)..], offset);
            BinaryPrimitives.WriteInt32LittleEndian(body[(at + 8)..], length);
            at += ReferenceLength;
            message[..offset].CopyTo(body[at..]);
            message[(offset + length)..].CopyTo(body[(at + offset)..]);
            return at + message.Length - length;
        }

        message.CopyTo(body[at..]);
        return at + message.Length;
    }

    /// <returns>False when the bytes contradict themselves.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out MessageBody result)
    {
        result = default;
        if (body.Length < FixedLength || body[0] > (byte)MessageDirection.KernelToTool)
        {
            return false;
        }

        var hasContents = (body[1] & HasContentsFlag) != 0;
        var start = FixedLength + (hasContents ? ReferenceLength : 0);
        if (body.Length < start)
        {
            return false;
        }

        result = new MessageBody
        {
            Direction = (MessageDirection)body[0],
            IsEvent = (body[1] & IsEventFlag) != 0,
            HasContents = hasContents,
            Contents = hasContents ? BinaryPrimitives.ReadUInt32LittleEndian(body[4..]) : 0,
            Offset = hasContents ? BinaryPrimitives.ReadInt32LittleEndian(body[8..]) : 0,
            Length = hasContents ? BinaryPrimitives.ReadInt32LittleEndian(body[12..]) : 0,
            Rest = body[start..],
        };
        return result.Offset >= 0 && result.Offset <= result.Rest.Length
            && result.Length >= 0 && result.Length <= TraceFormat.MaxMessage - result.Rest.Length
            && (!hasContents || result.Length > 0);
    }
}
