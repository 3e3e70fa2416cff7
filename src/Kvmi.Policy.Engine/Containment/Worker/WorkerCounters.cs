namespace Kvmi.Policy.Engine.Containment.Worker;

/// <summary>What became of the worker processes of untrusted policies, over all VMs and generations.</summary>
public sealed record WorkerCounters
{
    /// <summary>Processes that were started and said that they are ready.</summary>
    public required long Started { get; init; }

    /// <summary>Processes that did not start, or were not confined as they must be.</summary>
    public required long FailedStarts { get; init; }

    /// <summary>Workers that took the place of one that was ended.</summary>
    public required long Restarts { get; init; }

    /// <summary>Messages that workers were handed: events, starts and ends of policies, and answers to what policies ask for.</summary>
    public required long Messages { get; init; }

    /// <summary>Workers that were ended because they did not answer in time.</summary>
    public required long Timeouts { get; init; }

    /// <summary>Workers that died by themselves: by a signal, out of memory, by what the filter of system calls refuses.</summary>
    public required long Deaths { get; init; }

    /// <summary>Workers that were ended because what they said makes no sense.</summary>
    public required long Nonsense { get; init; }
}
