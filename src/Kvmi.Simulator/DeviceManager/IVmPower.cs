using Kvmi.Simulator.Kernel;

namespace Kvmi.Simulator.DeviceManager;

/// <summary>The guest as the device manager sees it: something that it lets run or not. Called by one thread at a time.</summary>
internal interface IVmPower
{
    /// <summary>Keeps every vCPU out of the guest.</summary>
    void Halt();

    /// <summary>Lets the vCPUs run, now or when the tool of the next hook is ready.</summary>
    void Resume();

    /// <summary>A tool has hooked the VM.</summary>
    /// <param name="hook">The hook.</param>
    /// <param name="isFirst">True for the first of the simulation.</param>
    void OnHooked(HookedVm hook, bool isFirst);
}
