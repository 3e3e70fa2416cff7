namespace Kvmi.Simulator.Kernel;

/// <summary>
/// Lets one vCPU of a VM execute alone while the others are held outside the guest (rfc-v5 4.7 item 5). Any thread. Holding keeps the others
/// from entering; the holder still has to get those out that are inside.
/// </summary>
internal sealed class StepGate
{
    private const int Nobody = -1;
    private int _holder = Nobody;

    /// <summary>Takes the gate.</summary>
    /// <returns>False when another vCPU has it.</returns>
    public bool TryEnter(int vcpu) => Interlocked.CompareExchange(ref _holder, vcpu, Nobody) == Nobody;

    /// <summary>Gives the gate back; the caller wakes the others.</summary>
    public void Leave() => Volatile.Write(ref _holder, Nobody);

    /// <summary>True when this vCPU may not enter the guest.</summary>
    public bool Holds(int vcpu) => Volatile.Read(ref _holder) is var holder && holder != Nobody && holder != vcpu;
}
