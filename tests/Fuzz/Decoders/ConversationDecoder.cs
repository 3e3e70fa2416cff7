using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Fuzz.Decoders;

/// <summary>Runs <see cref="MessageDecoder"/> over a conversation, and <see cref="MessageEncoder"/> on what comes out.</summary>
internal sealed class ConversationDecoder(KvmiDialect dialect)
{
    private readonly MessageEncoder _encoder = new(dialect);
    private MessageDecoder _decoder = new(dialect);

    /// <summary>Begins another conversation.</summary>
    public void Reset() => _decoder = new MessageDecoder(dialect);

    /// <summary>Decodes; any bytes are a message.</summary>
    public DecodedMessage Decode(MessageDirection direction, ReadOnlySpan<byte> message) => _decoder.Decode(direction, message);

    /// <summary>Encodes what was decoded: the same bytes, for any bytes.</summary>
    public void EncodeAgain(DecodedMessage decoded, ReadOnlySpan<byte> message) =>
        DecoderDefectException.Require(
            _encoder.Encode(decoded).AsSpan().SequenceEqual(message), "MessageEncoder", "the decoded message encodes to other bytes");
}
