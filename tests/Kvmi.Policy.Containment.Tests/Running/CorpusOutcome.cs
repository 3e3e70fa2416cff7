namespace Kvmi.Policy.Containment.Tests.Running;

/// <summary>What must become of a hostile policy.</summary>
public enum CorpusOutcome
{
    /// <summary>It is not loaded: a finding names the line.</summary>
    Refused,

    /// <summary>It is loaded, but its start fails on the VM.</summary>
    NotStarted,

    /// <summary>Metering ends each run; it is quarantined.</summary>
    Stopped,

    /// <summary>Each run is an error; it is quarantined.</summary>
    Error,

    /// <summary>It may go on: what it does is bounded anyway.</summary>
    Harmless,

    /// <summary>It may go on, and keeps memory until it is unloaded: only the worker process has a limit for that.</summary>
    Leaks,

    /// <summary>Its events are answered at their deadline, and it is quarantined.</summary>
    Deadline,

    /// <summary>It ends the process that runs it: it needs the worker process.</summary>
    Worker,
}
