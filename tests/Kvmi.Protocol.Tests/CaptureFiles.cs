using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests;

/// <summary>The captured conversations of real kernels that travel with the tests.</summary>
internal static class CaptureFiles
{
    public static IReadOnlyList<string> V7 { get; } = Names("captures");

    public static IReadOnlyList<string> V11 { get; } = Names("captures-v11");

    public static TheoryData<string> V7Theory { get; } = [.. V7];

    public static TheoryData<string> V11Theory { get; } = [.. V11];

    public static TheoryData<string> All { get; } = [.. V7, .. V11];

    public static KvmiDialect DialectOf(string name) => IsV11(name) ? KvmiDialect.V11 : KvmiDialect.V7;

    public static string PathOf(string name) => Path.Combine(Folder(IsV11(name) ? "captures-v11" : "captures"), name);

    public static HexCaptureEntry[] Read(string name)
    {
        using var reader = new StreamReader(PathOf(name));
        return [.. HexCapture.Read(reader)];
    }

    /// <summary>All messages of all captures of a dialect, without handshake records.</summary>
    public static IEnumerable<(string File, HexCaptureEntry Entry)> Messages(KvmiDialect dialect) =>
        (dialect == KvmiDialect.V7 ? V7 : V11).SelectMany(file => Read(file).Where(IsMessage).Select(entry => (file, entry)));

    public static bool IsMessage(HexCaptureEntry entry) =>
        entry.Bytes is { } bytes
        && !CaptureConversation.IsHello(entry.Direction, bytes)
        && !CaptureConversation.IsAnswer(entry.Direction, bytes);

    public static MessageHeader Header(HexCaptureEntry entry) =>
        MessageHeader.TryRead(entry.Bytes, out var header) ? header : throw new InvalidDataException($"Line {entry.Line} has no header.");

    public static byte[] First(string file, MessageDirection direction, Func<MessageHeader, bool> predicate) =>
        Read(file).First(entry => IsMessage(entry) && entry.Direction == direction && predicate(Header(entry))).Bytes!;

    private static bool IsV11(string name) => name.StartsWith("kvmi-v11-", StringComparison.Ordinal);

    private static string Folder(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", name);

    private static string[] Names(string folder) =>
        [.. Directory.GetFiles(Folder(folder), "*.hex").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
}
