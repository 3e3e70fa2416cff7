using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Handshake;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Fuzz.Decoders;

/// <summary>Runs what reads bytes before the dialect is known: the handshake records and the detection.</summary>
internal static class HandshakeDecoders
{
    /// <summary>The hello and its answer.</summary>
    public static void Records(ReadOnlySpan<byte> bytes, byte[] scratch)
    {
        if (HelloRecord.TryRead(bytes, out var hello) == HandshakeStatus.Ok)
        {
            var length = hello!.Write(scratch);
            var status = HelloRecord.TryRead(scratch.AsSpan(0, length), out var again);
            DecoderDefectException.Require(
                status == HandshakeStatus.Ok
                && (hello.Uuid, hello.StartTime, hello.MaxGpa, hello.DisplayName)
                    == (again!.Uuid, again.StartTime, again.MaxGpa, again.DisplayName)
                && hello.E820.SequenceEqual(again.E820),
                "HelloRecord",
                "what was read is not what comes back when written and read again");
        }

        if (HandshakeAnswer.TryRead(bytes, out var hash) == HandshakeStatus.Ok)
        {
            var length = HandshakeAnswer.Write(scratch, hash);
            var status = HandshakeAnswer.TryRead(scratch.AsSpan(0, length), out var again);
            DecoderDefectException.Require(
                status == HandshakeStatus.Ok && hash.SequenceEqual(again), "HandshakeAnswer", "what was read is not what comes back");
        }

        MessageDecoder.DecodeHello(bytes);
        MessageDecoder.DecodeAnswer(bytes);
    }

    /// <summary>The detection: each of its steps, with this payload as the peer's reply.</summary>
    public static void Probe(ReadOnlySpan<byte> payload)
    {
        var result = DialectProbe.ReadVersionReply(payload);
        if (result.Outcome == ProbeOutcome.CheckCommand)
        {
            var error = payload.Length < 4 ? 0 : BinaryPrimitives.ReadInt32LittleEndian(payload[^4..]);
            DialectProbe.ReadCheckReply(result, (KvmiError)error);
            result = DialectProbe.ReadCheckReply(result, KvmiError.None);
        }

        DecoderDefectException.Require(
            result.Outcome is not ProbeOutcome.CheckCommand && (result.Outcome == ProbeOutcome.Found) == result.Dialect.HasValue,
            "DialectProbe",
            "the detection asks twice, or names a dialect that it did not find");
        DialectProbe.ReadFirstIdReply(payload);
    }
}
