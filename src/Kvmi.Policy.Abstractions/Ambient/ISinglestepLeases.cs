namespace Kvmi.Policy;

/// <summary>
/// Single-stepping (KVMI_VCPU_CONTROL_SINGLESTEP): a vCPU carries out a number of instructions, and after each of them a singlestep event comes to
/// those policies that asked for it. A vCPU steps as long as one policy wants it. Unload, quarantine, audit mode and exit give the steps
/// back. For the VM's owner thread.
/// </summary>
/// <remarks>
/// v7, v11 and v12 have it, on processors with a monitor trap flag; a policy that subscribes to singlestep is refused in rfc-v5. Other vCPUs run on
/// meanwhile (v7 kernels hold them, kvmi-later-dialects.md 4.1): what a policy opens for one instruction of one vCPU is open to all of them in v11
/// and v12.
/// </remarks>
public interface ISinglestepLeases
{
    /// <summary>Lets a vCPU step. What is left of this policy's earlier steps on that vCPU is replaced.</summary>
    /// <param name="vcpu">vCPU index; usually that of the event.</param>
    /// <param name="instructions">How many singlestep events this policy wants, 1 to 1,000,000.</param>
    /// <returns>
    /// False when no event will come: the policy is in audit mode (the guest must not notice it), there is no such vCPU, or the kernel refused. Then
    /// nothing may be opened that a singlestep event was to close.
    /// </returns>
    /// <exception cref="InvalidOperationException">The policy does not subscribe to singlestep events, or not on this vCPU.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of instructions is out of its range.</exception>
    bool Start(ushort vcpu, int instructions = 1);

    /// <summary>Gives up what is left of this policy's steps; the vCPU steps on while another policy wants it.</summary>
    void Stop(ushort vcpu);

    /// <summary>How many singlestep events of the vCPU this policy still has to come; 0 when it does not step it.</summary>
    int Remaining(ushort vcpu);
}
