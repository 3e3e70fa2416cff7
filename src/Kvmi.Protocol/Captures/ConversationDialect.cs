using Kvmi.Protocol.Handshake;

namespace Kvmi.Protocol.Captures;

/// <summary>
/// Finds the dialect of a conversation in its bytes. A capture may begin anywhere, so it takes what there is: the shape of the
/// GET_VERSION reply, the shape of events, and the sizes of all other messages under the ids of each dialect.
/// </summary>
public static class ConversationDialect
{
    /// <summary>Judges a conversation; reads the entries once and keeps none of them.</summary>
    /// <param name="entries">Entries of one capture, for instance from <see cref="HexCapture.Read"/>; those without bytes are passed over.</param>
    public static InferredDialect Infer(IEnumerable<HexCaptureEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var witness = new DialectWitness();
        foreach (var entry in entries)
        {
            if (entry.Bytes is not { } bytes)
            {
                continue;
            }

            if (CaptureConversation.IsHello(entry.Direction, bytes))
            {
                if (HelloRecord.TryRead(bytes, out var hello) == HandshakeStatus.Ok)
                {
                    witness.SeeHello(hello!);
                }
            }
            else if (!CaptureConversation.IsAnswer(entry.Direction, bytes)
                && MessageHeader.TryRead(bytes, out var header)
                && header.MessageLength == bytes.Length)
            {
                witness.See(entry.Direction, header, bytes.AsSpan(MessageHeader.Length));
            }
        }

        return witness.Judge();
    }
}
