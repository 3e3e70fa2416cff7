using System.CommandLine;
using Kvmi.Simulator.Machine.Model;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Options of the simulated guest, for <c>simulate</c> and <c>run --simulate</c>. Each call makes a new option.</summary>
internal static class SimulationOptions
{
    /// <summary>--vcpus.</summary>
    public static Option<int?> Vcpus() => new("--vcpus") { Description = "Number of vCPUs of the simulated guest (default: the scenario's)", HelpName = "N" };

    /// <summary>--seed.</summary>
    public static Option<ulong?> Seed() => new("--seed")
    {
        Description = "Seed of everything random in the simulation; the same seed gives the same guest",
        HelpName = "N",
    };

    /// <summary>--hardware.</summary>
    public static Option<MachineHardware?> Hardware() => new("--hardware")
    {
        Description = "Processor of the simulated host: vmx (EPT views, VMFUNC, #VE, sub-page protection, single-stepping) or svm (none of these); default vmx",
        HelpName = "vmx|svm",
        CustomParser = result => CommonOptions.Choose<MachineHardware>(result, [("vmx", MachineHardware.Vmx), ("svm", MachineHardware.Svm)]),
    };

    /// <summary>--reconnect.</summary>
    public static Option<TimeSpan?> Reconnect() => new("--reconnect")
    {
        Description = "Connect again this long after the connection was lost, as QEMU does (default: the scenario's, else never)",
        HelpName = "DURATION",
        CustomParser = DurationText.Parse,
    };
}
