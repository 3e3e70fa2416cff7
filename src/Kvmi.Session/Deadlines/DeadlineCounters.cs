namespace Kvmi.Session.Deadlines;

/// <summary>What came of the deadlines on all VMs so far: a snapshot.</summary>
public sealed record DeadlineCounters
{
    /// <summary>Events that were answered at their deadline, in place of their handlers.</summary>
    public required long Timeouts { get; init; }

    /// <summary>Handlers that came back after their deadline, or after they had lost their threads. What they said was dropped.</summary>
    public required long LateResults { get; init; }

    /// <summary>Threads that handlers have kept so far and that were replaced.</summary>
    public required long AbandonedThreads { get; init; }

    /// <summary>Those of them that have not come back.</summary>
    public required int AbandonedNow { get; init; }

    /// <summary>Median of the time from a deadline to the answer.</summary>
    public required TimeSpan P50Lateness { get; init; }

    /// <summary>99th percentile of that time.</summary>
    public required TimeSpan P99Lateness { get; init; }

    /// <summary>Longest such time.</summary>
    public required TimeSpan MaxLateness { get; init; }

    /// <summary>
    /// How long garbage collections have stopped every thread of the process since the server was made, the watchdog's included. A
    /// deadline that passes meanwhile is answered that much later.
    /// </summary>
    public required TimeSpan TotalGcPause { get; init; }

    /// <summary>The longest such stop, or the sum of those that fell between two looks of the watchdog, which are a millisecond apart.</summary>
    public required TimeSpan MaxGcPause { get; init; }

    /// <summary>True when the watchdog runs at real-time priority.</summary>
    public required bool IsRealTime { get; init; }
}
