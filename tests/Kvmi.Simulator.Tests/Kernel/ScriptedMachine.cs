using Kvmi.Protocol;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>A machine whose vCPUs leave the guest when the test says so, with the exit that the test gives.</summary>
internal sealed class ScriptedMachine : IMachine, IMachineTraps
{
    private readonly byte[] _memory = new byte[64 * 4096];
    private readonly PageAccess[] _access = Enumerable.Repeat(Protocol.PageAccess.All, 64).ToArray();
    private ScriptedVcpu[] _vcpus;

    public ScriptedMachine(int vcpus) => _vcpus = [.. Enumerable.Range(0, vcpus).Select(index => new ScriptedVcpu(index))];

    public int VcpuCount => _vcpus.Length;

    public ulong MemorySize => (ulong)_memory.Length;

    public ulong TscFrequency { get; set; }

    /// <summary>What the machine claims to have; it has no views whatever it says.</summary>
    public MachineFeatures Features { get; set; } = MachineFeatures.Singlestep;

    public IMachineViews? Views => null;

    public IMachineTraps Traps => this;

    public bool PageAccess { get; set; }

    public bool PageWalks { get; set; } = true;

    public event Action<int>? VcpuAdded;

    public bool TryAddVcpu(out int index)
    {
        index = _vcpus.Length;
        _vcpus = [.. _vcpus, new ScriptedVcpu(index) { IsInitialized = false }];
        VcpuAdded?.Invoke(index);
        return true;
    }

    public ScriptedVcpu this[int index] => _vcpus[index];

    public IVcpu GetVcpu(int index) => _vcpus[index];

    /// <summary>A frame that is not backed by memory all the same.</summary>
    public ulong? Hole { get; set; }

    public bool IsBacked(ulong gpa) => gpa < MemorySize;

    public bool TryReadPhysical(ulong gpa, Span<byte> destination)
    {
        if (gpa >= MemorySize || (ulong)destination.Length > MemorySize - gpa || gpa / 4096 == Hole)
        {
            return false;
        }

        lock (_memory)
        {
            _memory.AsSpan((int)gpa, destination.Length).CopyTo(destination);
        }

        return true;
    }

    public bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        if (gpa >= MemorySize || (ulong)source.Length > MemorySize - gpa)
        {
            return false;
        }

        lock (_memory)
        {
            source.CopyTo(_memory.AsSpan((int)gpa));
        }

        return true;
    }

    public bool TryGetPageAccess(ulong gpa, out PageAccess access)
    {
        access = gpa < MemorySize ? _access[gpa / 4096] : default;
        return gpa < MemorySize;
    }

    public bool TrySetPageAccess(ulong gpa, PageAccess access)
    {
        if (gpa >= MemorySize)
        {
            return false;
        }

        _access[gpa / 4096] = access;
        return true;
    }

    public void Stop()
    {
        foreach (var vcpu in _vcpus)
        {
            vcpu.Stop();
        }
    }
}
