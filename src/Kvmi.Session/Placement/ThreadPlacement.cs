using Kvmi.Session.Deadlines;

namespace Kvmi.Session.Placement;

/// <summary>Which processors the owner threads of the VMs run on, and at what priority. Both are Linux's; see the page latency.md for the risks.</summary>
public sealed record ThreadPlacement
{
    /// <summary>Largest <see cref="RealTimePriority"/>: the watchdog needs the next one (sched(7): 1 to 99).</summary>
    public const int MaxRealTimePriority = 98;

    /// <summary>Anywhere, at normal priority.</summary>
    public static ThreadPlacement Anywhere { get; } = new();

    /// <summary>Numbers of the processors that owner threads may run on, as Linux counts them; empty for all that the process has.</summary>
    public IReadOnlyList<int> Processors { get; init; } = [];

    /// <summary>Real-time priority of owner threads, 1 to <see cref="MaxRealTimePriority"/>; 0 for none. The watchdog gets the next higher one.</summary>
    public int RealTimePriority { get; init; }

    /// <summary>True for SCHED_RR, which shares a processor among threads of the same priority; false for SCHED_FIFO.</summary>
    public bool RoundRobin { get; init; }

    /// <summary>Real-time priority of the watchdog.</summary>
    internal int WatchdogPriority => RealTimePriority + 1;

    /// <summary>Tries on a thread of its own whether this process may do it.</summary>
    /// <exception cref="ThreadPlacementException">It may not, or it makes no sense; the message says why and what to do.</exception>
    public void Verify()
    {
        if (RealTimePriority is < 0 or > MaxRealTimePriority)
        {
            throw new ThreadPlacementException($"A real-time priority of {RealTimePriority} cannot be had: it is 1 to {MaxRealTimePriority}, or 0 for none.");
        }

        if (Processors.Count == 0 && RealTimePriority == 0)
        {
            return;
        }

        string? refusal = null;
        var thread = new Thread(() => refusal = Try()) { IsBackground = true, Name = "kvmi-placement" };
        thread.Start();
        thread.Join();
        if (refusal is not null)
        {
            throw new ThreadPlacementException(refusal);
        }
    }

    /// <summary>Moves the calling thread. What fails here was possible when the server started.</summary>
    /// <returns>What was refused; null when all was done.</returns>
    internal string? Try()
    {
        if (Processors.Count > 0 && TryProcessors() is { } refusal)
        {
            return refusal;
        }

        return RealTimePriority == 0 || NativeThreads.MakeRealTime(RealTimePriority, RoundRobin) is not { } reason
            ? null
            : $"Real-time priority {RealTimePriority} is refused ({reason}): it needs the capability CAP_SYS_NICE, or an RLIMIT_RTPRIO of at least "
                + $"{WatchdogPriority} (LimitRTPRIO= of a systemd unit, ulimit -r); a cgroup v1 needs cpu.rt_runtime_us besides.";
    }

    private string? TryProcessors()
    {
        var usable = NativeThreads.Processors();
        foreach (var processor in Processors)
        {
            if (!usable.Contains(processor))
            {
                return $"Processor {processor} is not one that this process may use: it may use {ProcessorList.Write(usable)} (taskset -p, cpuset of the cgroup).";
            }
        }

        return NativeThreads.SetProcessors(Processors) is { } reason
            ? $"The owner threads cannot be bound to the processors {ProcessorList.Write(Processors)}: {reason}."
            : null;
    }
}
