namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>Records of a connection are missing here, because the disk was slower than the events.</summary>
public sealed record TraceGap : TraceRecord
{
    /// <summary>Messages and decisions that are missing.</summary>
    public long Lost { get; init; }
}
