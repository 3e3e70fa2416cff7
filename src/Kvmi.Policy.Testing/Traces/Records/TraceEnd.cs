namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>The last record of a trace that was ended in order.</summary>
public sealed record TraceEnd : TraceRecord
{
    /// <summary>Messages in the trace.</summary>
    public long Messages { get; init; }

    /// <summary>Events that expect an answer.</summary>
    public long Events { get; init; }

    /// <summary>Messages and decisions that are missing.</summary>
    public long Lost { get; init; }

    /// <summary>What this trace was made from, when it was not recorded: cut or redacted.</summary>
    public string? MadeBy { get; init; }
}
