using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Captures;

/// <summary>One message of a hex capture, or the reason why there is none.</summary>
public sealed record HexCaptureEntry
{
    /// <summary>Line of the hex text, or of what is wrong; the first line is 1.</summary>
    public required int Line { get; init; }

    /// <summary>Who sent it.</summary>
    public MessageDirection Direction { get; init; }

    /// <summary>When, from the start of the connection; null when the capture does not tell.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>What the comment says behind direction and time.</summary>
    public string Note { get; init; } = "";

    /// <summary>The whole message, header included; null for a close or silence, and in an entry with an error.</summary>
    public byte[]? Bytes { get; init; }

    /// <summary>What is wrong with the line, and what to do; null when it was read.</summary>
    public string? Error { get; init; }
}
