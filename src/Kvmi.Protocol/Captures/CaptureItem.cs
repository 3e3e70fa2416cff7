using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Captures;

/// <summary>One entry of a capture with what it means.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="Message">The message in named fields; null for a close, silence, and an entry with an error.</param>
public sealed record CaptureItem(HexCaptureEntry Entry, DecodedMessage? Message);
