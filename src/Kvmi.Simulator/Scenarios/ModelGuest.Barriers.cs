using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Scenarios;

/// <content>Actions of the scenario: each row of them is a barrier in the program of every vCPU, at which all wait until they are done.</content>
internal sealed partial class ModelGuest
{
    private readonly Lock _barrierGate = new();
    private int _barriersOpen;
    private int _barriersReached;

    public Action<int>? ActionDue { get; set; }

    public void Pass(int number)
    {
        Volatile.Write(ref _barriersOpen, number + 1);
        _context?.WakeAll();
    }

    /// <summary>True while a halted vCPU waits at a barrier; the last to come sets the actions off.</summary>
    private bool IsHeldAtBarrier(int vcpu)
    {
        var open = Volatile.Read(ref _barriersOpen);
        if (BarrierOf(vcpu) <= (ulong)open)
        {
            return false;
        }

        lock (_barrierGate)
        {
            if (_barriersReached == open && Enumerable.Range(0, _scenario.Vcpus).All(other => BarrierOf(other) > (ulong)open))
            {
                _barriersReached++;
                ActionDue?.Invoke(open);
            }
        }

        return true;
    }

    private ulong BarrierOf(int vcpu) => GuestMailbox.Read(_machine, vcpu, GuestField.Barrier);
}
