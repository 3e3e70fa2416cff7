using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>One decoded message of a capture.</summary>
internal sealed record MessageOutput : OutputRecord
{
    /// <summary>Milliseconds since the capture's connection began; null when the capture does not tell.</summary>
    public double? Milliseconds { get; init; }

    /// <summary>tool-to-kernel or kernel-to-tool.</summary>
    public required string Direction { get; init; }

    public int? Id { get; init; }

    /// <summary>The protocol's name, or "unknown".</summary>
    public required string Name { get; init; }

    /// <summary>command, commandReply, event, eventReply, handshake, or none for a close or an unreadable line.</summary>
    public required string Role { get; init; }

    public uint? Sequence { get; init; }

    public int? Vcpu { get; init; }

    /// <summary>Event name of an event or event reply.</summary>
    public string? Event { get; init; }

    /// <summary>Error code of a command's reply.</summary>
    public int? Error { get; init; }

    /// <summary>Fields by their protocol names.</summary>
    public IReadOnlyList<OutputField> Fields { get; init; } = [];

    /// <summary>Line of the capture on which the message stands.</summary>
    public required int Line { get; init; }

    /// <summary>Offset of the first byte that could not be understood; null for a known message.</summary>
    public int? Offset { get; init; }

    /// <summary>Why it could not be understood, or what the capture notes of a close.</summary>
    public string? Reason { get; init; }
}
