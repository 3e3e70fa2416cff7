namespace Kvmi.Policy.Testing.Replay;

/// <summary>An event of a capture with the reply that was recorded for it, and the memory that was read in between.</summary>
/// <param name="Line">Line of the capture.</param>
/// <param name="Sequence">Sequence number.</param>
/// <param name="Message">The event message.</param>
internal sealed record RecordedEvent(int Line, uint Sequence, byte[] Message)
{
    /// <summary>The recorded reply; null when there is none.</summary>
    public byte[]? Reply { get; set; }

    /// <summary>Reads that the recorded tool made since the event before this one, up to this one's reply.</summary>
    public List<(ulong Gpa, byte[] Data)> Reads { get; } = [];
}
