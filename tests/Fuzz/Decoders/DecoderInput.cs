using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Fuzz.Decoders;

/// <summary>What a typed decoder is given: one message as it could lie in a receive buffer, whole or broken.</summary>
internal readonly ref struct DecoderInput
{
    public DecoderInput(Dialect dialect, ReadOnlySpan<byte> message, DecoderScratch scratch)
    {
        Dialect = dialect;
        Message = message;
        Scratch = scratch;
        Payload = message.Length < MessageHeader.Length ? message : message[MessageHeader.Length..];
        Data = Payload.Length < MessageHeader.Length ? default : Payload[MessageHeader.Length..];
    }

    /// <summary>The codec.</summary>
    public Dialect Dialect { get; }

    /// <summary>The message, header included.</summary>
    public ReadOnlySpan<byte> Message { get; }

    /// <summary>What follows the header; all of a message too short for one.</summary>
    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>What follows the error code of a reply.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>Room for what is written again.</summary>
    public DecoderScratch Scratch { get; }

    /// <summary>False for payloads that the transport refuses before any decoder sees them; what they say need not be writable.</summary>
    public bool CanBeWritten => Payload.Length <= Dialect.MaxPayload;
}
