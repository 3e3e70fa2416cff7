using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>One message of a conversation.</summary>
public sealed record TraceMessage : TraceRecord
{
    /// <summary>Who sent it.</summary>
    public required MessageDirection Direction { get; init; }

    /// <summary>
    /// The whole message. Guest memory whose contents the trace does not hold is zeros here; <see cref="Contents"/> tells.
    /// </summary>
    public required byte[] Bytes { get; init; }

    /// <summary>Number of the event when this is an event that expects an answer; the trace's first is 1. Else 0.</summary>
    public long Event { get; init; }

    /// <summary>The guest memory in it, which the trace stores apart; null when there is none.</summary>
    public TraceContents? Contents { get; init; }

    /// <summary>Where <see cref="Contents"/> begins in <see cref="Bytes"/>.</summary>
    public int ContentsOffset { get; init; }
}
