using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests;

/// <summary>The captured conversations of real kernels that travel with the tests.</summary>
internal static class CaptureFiles
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures");

    public static IReadOnlyList<string> V7 { get; } = Names("kvmi-v7-*.hex");

    public static TheoryData<string> V7Theory { get; } = [.. V7];

    public static HexCaptureEntry[] Read(string name)
    {
        using var reader = new StreamReader(Path.Combine(Folder, name));
        return [.. HexCapture.Read(reader)];
    }

    /// <summary>All messages of all v7 captures, without handshake records.</summary>
    public static IEnumerable<(string File, HexCaptureEntry Entry)> V7Messages() =>
        V7.SelectMany(file => Read(file).Where(IsMessage).Select(entry => (file, entry)));

    public static bool IsMessage(HexCaptureEntry entry) =>
        entry.Bytes is { } bytes
        && !CaptureConversation.IsHello(entry.Direction, bytes)
        && !CaptureConversation.IsAnswer(entry.Direction, bytes);

    public static MessageHeader Header(HexCaptureEntry entry) =>
        MessageHeader.TryRead(entry.Bytes, out var header) ? header : throw new InvalidDataException($"Line {entry.Line} has no header.");

    public static byte[] First(string file, MessageDirection direction, Func<MessageHeader, bool> predicate) =>
        Read(file).First(entry => IsMessage(entry) && entry.Direction == direction && predicate(Header(entry))).Bytes!;

    private static string[] Names(string pattern) =>
        [.. Directory.GetFiles(Folder, pattern).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
}
