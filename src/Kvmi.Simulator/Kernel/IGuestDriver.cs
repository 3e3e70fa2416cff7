using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// What drives the guest from outside: the scenario. Called on the vCPU's own thread while the vCPU is outside the guest, so the vCPU may
/// be used; calls for different vCPUs come at the same time.
/// </summary>
internal interface IGuestDriver
{
    /// <summary>The vCPU executed HLT, or was woken and is still halted.</summary>
    /// <returns>True to go on behind the HLT, false to sleep until <see cref="VcpuWorker.Wake"/>.</returns>
    bool OnHalted(IVcpu vcpu);

    /// <summary>An event of the vCPU was answered; its effect is not in the guest yet.</summary>
    void OnEventAnswered(IVcpu vcpu);

    /// <summary>Time stamp before which the vCPU must not enter the guest; 0: none. A driver that gives one wakes the vCPU then.</summary>
    long NotBefore(IVcpu vcpu);

    /// <summary>The vCPU suffered a triple fault.</summary>
    void OnShutdown(IVcpu vcpu);

    /// <summary>The tool ended the guest.</summary>
    void OnCrash(int vcpu);

    /// <summary>A thread of the simulator failed. Any thread.</summary>
    void OnFailure(string reason);
}
