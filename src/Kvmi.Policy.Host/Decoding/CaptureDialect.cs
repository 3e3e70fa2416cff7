using Kvmi.Policy.Host.CommandLine;
using Kvmi.Protocol;
using Kvmi.Protocol.Captures;

namespace Kvmi.Policy.Host.Decoding;

/// <summary>Which dialect a capture is in: what the user says, else what the conversation shows, else what the file's name says.</summary>
internal static class CaptureDialect
{
    /// <summary>Finds the dialect.</summary>
    /// <param name="file">The capture.</param>
    /// <param name="entries">Its entries.</param>
    /// <param name="asked">--dialect; null to find out.</param>
    /// <exception cref="UsageException">Nothing tells it.</exception>
    public static KvmiDialect Find(string file, IEnumerable<HexCaptureEntry> entries, KvmiDialect? asked)
    {
        if (asked is { } given)
        {
            return given;
        }

        var inferred = ConversationDialect.Infer(entries);
        return inferred.Dialect ?? CommonOptions.DialectInFileName(file) ?? throw new UsageException(
            $"{file}: neither the messages nor the file name tell the dialect ({inferred.Reason}); give --dialect with one of {CommonOptions.DialectNames}.");
    }
}
