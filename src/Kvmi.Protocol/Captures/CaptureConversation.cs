using System.Buffers.Binary;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Handshake;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Captures;

/// <summary>
/// Reads a capture as one conversation: the handshake, if the capture begins with it or a reconnection brings another, and the
/// messages.
/// </summary>
public static class CaptureConversation
{
    /// <summary>Decodes the entries one after the other, in order.</summary>
    /// <param name="entries">Entries of one capture, for instance from <see cref="HexCapture.Read"/>.</param>
    /// <param name="dialect">The dialect; <see cref="ConversationDialect.Infer"/> finds it from the entries.</param>
    /// <exception cref="NotSupportedException">This build has no layouts for the dialect.</exception>
    public static IEnumerable<CaptureItem> Decode(IEnumerable<HexCaptureEntry> entries, KvmiDialect dialect)
    {
        ArgumentNullException.ThrowIfNull(entries);
        return Decode(entries, new MessageDecoder(dialect));
    }

    /// <summary>
    /// True when these bytes can only be the device manager's hello: their first number is their own length. A message of that
    /// length cannot begin so, because the same four bytes would announce no payload.
    /// </summary>
    public static bool IsHello(MessageDirection direction, ReadOnlySpan<byte> bytes) =>
        direction == MessageDirection.KernelToTool && bytes.Length is >= HelloRecord.MinSize and <= HelloRecord.MaxSize && AnnouncesItself(bytes);

    /// <summary>True when these bytes can only be the tool's answer to the hello.</summary>
    public static bool IsAnswer(MessageDirection direction, ReadOnlySpan<byte> bytes) =>
        direction == MessageDirection.ToolToKernel && bytes.Length is >= HandshakeAnswer.Length and <= HandshakeAnswer.MaxSize && AnnouncesItself(bytes);

    private static IEnumerable<CaptureItem> Decode(IEnumerable<HexCaptureEntry> entries, MessageDecoder decoder)
    {
        foreach (var entry in entries)
        {
            if (entry.Bytes is null)
            {
                yield return new CaptureItem(entry, null);
                continue;
            }

            if (IsHello(entry.Direction, entry.Bytes))
            {
                // A hello begins a connection: nothing of the one before waits any longer.
                decoder = new MessageDecoder(decoder.Dialect);
                yield return new CaptureItem(entry, MessageDecoder.DecodeHello(entry.Bytes));
            }
            else if (IsAnswer(entry.Direction, entry.Bytes))
            {
                yield return new CaptureItem(entry, MessageDecoder.DecodeAnswer(entry.Bytes));
            }
            else
            {
                yield return new CaptureItem(entry, decoder.Decode(entry.Direction, entry.Bytes));
            }
        }
    }

    private static bool AnnouncesItself(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes) == (uint)bytes.Length;
}
