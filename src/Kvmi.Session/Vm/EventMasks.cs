namespace Kvmi.Session.Vm;

/// <summary>
/// The events that are on, for dialects whose commands replace the whole set (rfc-v5 3.11, 3.14): one bit for each wire id. What is kept
/// is what the kernel has accepted; everything starts switched off.
/// </summary>
internal sealed class EventMasks
{
    private uint _vm;
    private uint[] _vcpus = [];

    /// <summary>What is on for the VM.</summary>
    public uint OfVm => _vm;

    /// <summary>A set with one event switched.</summary>
    public static uint With(uint mask, ushort eventId, bool enable) => enable ? mask | (1u << eventId) : mask & ~(1u << eventId);

    /// <summary>What is on for a vCPU.</summary>
    public uint OfVcpu(ushort vcpu) => vcpu < _vcpus.Length ? _vcpus[vcpu] : 0;

    /// <summary>The kernel has accepted the set of the VM.</summary>
    public void SetVm(uint mask) => _vm = mask;

    /// <summary>The kernel has accepted the set of a vCPU.</summary>
    public void SetVcpu(ushort vcpu, uint mask)
    {
        if (vcpu >= _vcpus.Length)
        {
            Array.Resize(ref _vcpus, vcpu + 1);
        }

        _vcpus[vcpu] = mask;
    }
}
