using System.Text.Json.Serialization;

namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>One record of a trace.</summary>
public abstract record TraceRecord
{
    /// <summary>Its number in the file; the first is 1.</summary>
    [JsonIgnore]
    public long Number { get; init; }

    /// <summary>The connection that it is about, from 1; 0 when it is about none.</summary>
    [JsonIgnore]
    public uint Connection { get; init; }

    /// <summary>When, in nanoseconds since the trace began.</summary>
    [JsonIgnore]
    public long Nanoseconds { get; init; }
}
