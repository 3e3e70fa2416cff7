using Kvmi.Protocol;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Conformance.Tests.Captures;

/// <summary>One message of a captured conversation.</summary>
/// <param name="Entry">The entry of the capture.</param>
/// <param name="Role">What it is.</param>
/// <param name="Header">Its header.</param>
/// <param name="EventsBefore">Events of the kernel that come before it.</param>
internal sealed record CaptureStep(HexCaptureEntry Entry, MessageRole Role, MessageHeader Header, int EventsBefore)
{
    /// <summary>The whole message.</summary>
    public byte[] Bytes => Entry.Bytes!;

    public ReadOnlySpan<byte> Payload => Bytes.AsSpan(MessageHeader.Length);

    /// <summary>Of a command: its reply in the capture.</summary>
    public CaptureStep? Reply { get; set; }

    /// <summary>Of a command that the tool's end can send: how.</summary>
    public IssuedCommand? Issue { get; set; }

    /// <summary>Of a message that is not played: why.</summary>
    public string? Skipped { get; set; }

    public override string ToString() => $"line {Entry.Line} ({Entry.Note})";
}
