namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>A connection has ended.</summary>
public sealed record TraceDetached : TraceRecord
{
    /// <summary>Stopping, Unhook, PeerLost or ProtocolError; empty for a peer that never became a VM.</summary>
    public string Reason { get; init; } = "";

    /// <summary>What exactly was lost or broken; null after an orderly end.</summary>
    public string? Detail { get; init; }
}
