using System.Runtime.InteropServices;
using Kvmi.Session.Placement;

namespace Kvmi.Session.Deadlines;

/// <summary>Scheduling of single threads, which .NET does not offer. Constants are those of the Linux headers.</summary>
internal static partial class NativeThreads
{
    private const int SchedFifo = 1;
    private const int SchedRoundRobin = 2;
    private const int SchedIdle = 5;
    private const int SchedResetOnFork = 0x4000_0000;
    private const int MaskBits = 64;

    /// <summary>The kernel's number of the calling thread; 0 on other systems.</summary>
    public static int CurrentId => OperatingSystem.IsLinux() ? GetTid() : 0;

    /// <summary>Gives the calling thread a real-time priority. Threads that it starts have none: they would inherit it otherwise.</summary>
    /// <param name="priority">1 to 99.</param>
    /// <param name="roundRobin">SCHED_RR; false: SCHED_FIFO.</param>
    /// <returns>Null, or why it is not permitted.</returns>
    public static string? MakeRealTime(int priority, bool roundRobin)
    {
        if (!OperatingSystem.IsLinux())
        {
            return "this is not Linux";
        }

        return SetScheduler(0, (roundRobin ? SchedRoundRobin : SchedFifo) | SchedResetOnFork, in priority) == 0 ? null : LastError();
    }

    /// <summary>The processors that the calling thread may use, rising.</summary>
    public static IReadOnlyList<int> Processors()
    {
        Span<ulong> mask = stackalloc ulong[ProcessorList.Limit / MaskBits];
        if (!OperatingSystem.IsLinux() || GetAffinity(0, (nuint)(mask.Length * sizeof(ulong)), mask) < 0)
        {
            return [.. Enumerable.Range(0, Environment.ProcessorCount)];
        }

        List<int> processors = [];
        for (var number = 0; number < ProcessorList.Limit; number++)
        {
            if ((mask[number / MaskBits] >> (number % MaskBits) & 1) != 0)
            {
                processors.Add(number);
            }
        }

        return processors;
    }

    /// <summary>Binds the calling thread to processors.</summary>
    /// <returns>Null, or why it is not possible.</returns>
    public static string? SetProcessors(IReadOnlyList<int> processors)
    {
        if (!OperatingSystem.IsLinux())
        {
            return "this is not Linux";
        }

        Span<ulong> mask = stackalloc ulong[ProcessorList.Limit / MaskBits];
        mask.Clear();
        foreach (var number in processors)
        {
            mask[number / MaskBits] |= 1UL << (number % MaskBits);
        }

        return SetAffinity(0, (nuint)(mask.Length * sizeof(ulong)), mask) == 0 ? null : LastError();
    }

    /// <summary>Lets a thread run only when nothing else wants the processor. Best effort: nothing depends on it.</summary>
    public static void Demote(int task)
    {
        if (OperatingSystem.IsLinux() && task != 0)
        {
            var priority = 0;
            _ = SetScheduler(task, SchedIdle, in priority);
        }
    }

    private static string LastError() => Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    private static partial int GetAffinity(int task, nuint length, Span<ulong> mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int task, nuint length, ReadOnlySpan<ulong> mask);

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int GetTid();

    [LibraryImport("libc", EntryPoint = "sched_setscheduler", SetLastError = true)]
    private static partial int SetScheduler(int task, int policy, in int priority);
}
