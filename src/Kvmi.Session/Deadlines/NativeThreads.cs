using System.Runtime.InteropServices;

namespace Kvmi.Session.Deadlines;

/// <summary>Scheduling of single threads, which .NET does not offer. Constants are those of the Linux headers.</summary>
internal static partial class NativeThreads
{
    private const int SchedRoundRobin = 2;
    private const int SchedIdle = 5;

    /// <summary>The kernel's number of the calling thread; 0 on other systems.</summary>
    public static int CurrentId => OperatingSystem.IsLinux() ? GetTid() : 0;

    /// <summary>Gives the calling thread the lowest real-time priority.</summary>
    /// <returns>Null, or why it is not permitted.</returns>
    public static string? MakeRealTime()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "this is not Linux";
        }

        var priority = 1;
        return SetScheduler(0, SchedRoundRobin, in priority) == 0 ? null : Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());
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

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int GetTid();

    [LibraryImport("libc", EntryPoint = "sched_setscheduler", SetLastError = true)]
    private static partial int SetScheduler(int task, int policy, in int priority);
}
