using Kvmi.Protocol;
using Kvmi.Protocol.Captures;

namespace Kvmi.Fuzz.Decoders;

/// <summary>Runs what reads whole captures.</summary>
internal static class CaptureDecoders
{
    /// <summary>Reads a capture from text that may be anything, and judges its dialect.</summary>
    /// <returns>Number of entries with bytes.</returns>
    public static int Text(string text, IReadOnlyList<KvmiDialect> dialects)
    {
        HexCaptureEntry[] entries = [.. HexCapture.Read(new StringReader(text))];
        foreach (var entry in entries)
        {
            DecoderDefectException.Require(
                entry.Line > 0 && (entry.Bytes is null || entry.Error is null), "HexCapture", "an entry has bytes and an error, or no line");
        }

        Judge(entries);
        foreach (var dialect in dialects)
        {
            foreach (var item in CaptureConversation.Decode(entries, dialect))
            {
                DecoderDefectException.Require(
                    item.Message is not null == item.Entry.Bytes is not null, "CaptureConversation", "an entry with bytes has no message");
            }
        }

        return entries.Count(entry => entry.Bytes is not null);
    }

    /// <summary>Judges the dialect of a conversation.</summary>
    public static void Judge(IReadOnlyList<HexCaptureEntry> entries)
    {
        var inferred = ConversationDialect.Infer(entries);
        DecoderDefectException.Require(
            inferred.Dialect is not { } found || inferred.Candidates.Contains(found), "ConversationDialect", "the dialect is none of the candidates");
    }
}
