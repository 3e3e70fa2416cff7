using System.Globalization;
using System.Runtime.InteropServices;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>Takes from the process everything that policies do not need, for good.</summary>
internal static class WorkerConfinement
{
    private const int SetParentDeathSignal = 1;
    private const int SetDumpable = 4;
    private const int SetNoNewPrivileges = 38;
    private const int LimitCore = 4;
    private const int LimitOpenFiles = 7;
    private const int LimitAddressSpace = 9;
    private const int OpenReadOnly = 0;

    /// <summary>From now on the process ends with its host.</summary>
    /// <exception cref="WorkerStartException">It would not, or the host is gone already.</exception>
    public static void DieWith(int parent)
    {
        if (NativeMethods.Prctl(SetParentDeathSignal, NativeMethods.SigKill, 0, 0, 0) != 0)
        {
            throw new WorkerStartException($"the worker would outlive its host: {NativeMethods.LastError()}");
        }

        if (NativeMethods.ParentId() != parent)
        {
            throw new WorkerStartException("the host of this worker has ended already");
        }
    }

    /// <summary>Confines the process.</summary>
    /// <param name="headroom">Bytes of address space beyond what it has.</param>
    /// <returns>What the system refused, one text a step; empty when everything holds.</returns>
    public static IReadOnlyList<string> Confine(long headroom)
    {
        var weaknesses = new List<string>();
        Step("no new privileges", NativeMethods.Prctl(SetNoNewPrivileges, 1, 0, 0, 0));
        Step("no core dump, no debugger", NativeMethods.Prctl(SetDumpable, 0, 0, 0, 0));
        Step("limit of core files", Limit(LimitCore, 0));
        Step("limit of memory", Limit(LimitAddressSpace, AddressSpace() + (ulong)headroom));
        Step("limit of open files", Limit(LimitOpenFiles, 0));
        if (SystemCallFilter.Install() is { } problem)
        {
            weaknesses.Add($"filter of system calls: {problem}");
        }
        else if (NativeMethods.Open("/dev/null", OpenReadOnly, 0) >= 0)
        {
            weaknesses.Add("filter of system calls: it was accepted, but files still open");
        }

        return weaknesses;

        void Step(string name, int result)
        {
            if (result != 0)
            {
                weaknesses.Add($"{name}: {NativeMethods.LastError()}");
            }
        }
    }

    private static int Limit(int resource, ulong value) =>
        NativeMethods.SetResourceLimit(resource, new NativeMethods.ResourceLimit { Soft = value, Hard = value });

    // The first number of statm is the size in pages.
    private static ulong AddressSpace()
    {
        var pages = ulong.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[0], CultureInfo.InvariantCulture);
        return pages * (ulong)Environment.SystemPageSize;
    }

    /// <summary>True where the filter's numbers are the processor's.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;
}
