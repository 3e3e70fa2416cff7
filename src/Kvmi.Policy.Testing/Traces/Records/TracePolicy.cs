namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>A policy of a generation that went live while the trace was recorded.</summary>
public sealed record TracePolicy : TraceRecord
{
    /// <summary>Number of the generation.</summary>
    public int Generation { get; init; }

    /// <summary>Id.</summary>
    public string Id { get; init; } = "";

    /// <summary>Version that its file says.</summary>
    public string Version { get; init; } = "";

    /// <summary>audit or enforce: the mode in force when it was loaded.</summary>
    public string Mode { get; init; } = "";

    /// <summary>SHA-256 over its file and script, in hex; empty when they could not be read.</summary>
    public string Digest { get; init; } = "";
}
