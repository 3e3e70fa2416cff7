using Kvmi.Protocol;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Fuzz.Messages;

/// <summary>All well-formed messages, by dialect: those of the captures and those that the codecs write.</summary>
internal sealed class SeedCorpus
{
    private readonly SeedMessage[][] _byDialect;

    private SeedCorpus(IReadOnlyList<Dialect> dialects, SeedMessage[][] byDialect, IReadOnlyList<string> captures)
    {
        Dialects = dialects;
        _byDialect = byDialect;
        Captures = captures;
    }

    public IReadOnlyList<Dialect> Dialects { get; }

    /// <summary>The captures as text, for the reader of captures.</summary>
    public IReadOnlyList<string> Captures { get; }

    /// <summary>Number of messages.</summary>
    public int Count => _byDialect.Sum(messages => messages.Length);

    /// <summary>Reads the captures of a folder (kvmi-DIALECT-*.hex) and writes the rest.</summary>
    public static SeedCorpus Make(string captureFolder, IReadOnlyList<Dialect> dialects)
    {
        var files = Directory.Exists(captureFolder) ? Directory.GetFiles(captureFolder, "*.hex").Order(StringComparer.Ordinal).ToArray() : [];
        return new SeedCorpus(
            dialects,
            [.. dialects.Select(dialect => WrittenMessages.Of(dialect).Concat(Captured(files, dialect)).ToArray())],
            [.. files.Select(File.ReadAllText)]);
    }

    /// <summary>The messages of the dialect at an index of <see cref="Dialects"/>.</summary>
    public IReadOnlyList<SeedMessage> Of(int dialect) => _byDialect[dialect];

    private static IEnumerable<SeedMessage> Captured(string[] files, Dialect dialect) =>
        files.Where(file => IsOf(file, dialect)).SelectMany(file => Read(file, dialect));

    private static bool IsOf(string file, Dialect dialect) =>
        Path.GetFileName(file).StartsWith($"kvmi-{dialect.Name}-", StringComparison.Ordinal);

    private static IEnumerable<SeedMessage> Read(string file, Dialect dialect)
    {
        using var reader = new StreamReader(file);
        foreach (var entry in HexCapture.Read(reader))
        {
            if (entry.Bytes is { } bytes)
            {
                var isHandshake = CaptureConversation.IsHello(entry.Direction, bytes) || CaptureConversation.IsAnswer(entry.Direction, bytes);
                var role = isHandshake || !MessageHeader.TryRead(bytes, out var header)
                    ? MessageRole.Handshake
                    : dialect.Classify(entry.Direction, header.Id);
                yield return new SeedMessage(dialect.Id, entry.Direction, role, $"{Path.GetFileName(file)}:{entry.Line}", bytes);
            }
        }
    }
}
