using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine.Model;

/// <summary>
/// A small x86-64 machine in software: sparse memory, 4-level page tables, exceptions through the IDT, and an interpreter
/// for the instructions that the guest programs of the simulator need. Everything else raises #UD in the guest.
/// </summary>
/// <remarks>
/// Deterministic per vCPU: the same memory, registers and answers give the same run. The members of <see cref="IMachine"/>
/// may be called from any thread.
/// </remarks>
public sealed class ModelMachine : IMachine, IMachineTraps
{
    private readonly ModelVcpu[] _vcpus;
    private volatile bool _pageAccess;
    private volatile bool _stopped;

    /// <summary>Makes a machine with empty memory and vCPUs in reset state.</summary>
    /// <param name="options">Its size.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public ModelMachine(ModelMachineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.VcpuCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.VcpuCount, 64);
        Memory = new PhysicalMemory(options.MemorySize);
        TscFrequency = options.TscFrequency;
        _vcpus = new ModelVcpu[options.VcpuCount];
        for (var index = 0; index < _vcpus.Length; index++) _vcpus[index] = new ModelVcpu(this, index);
    }

    /// <inheritdoc/>
    public int VcpuCount => _vcpus.Length;

    /// <inheritdoc/>
    public ulong MemorySize => Memory.Size;

    /// <inheritdoc/>
    public ulong TscFrequency { get; }

    /// <inheritdoc/>
    public IMachineTraps Traps => this;

    /// <inheritdoc/>
    bool IMachineTraps.PageAccess
    {
        get => _pageAccess;
        set => _pageAccess = value;
    }

    internal PhysicalMemory Memory { get; }

    /// <summary>Held by a vCPU for the time of one locked instruction.</summary>
    internal Lock BusLock { get; } = new();

    internal bool EnforcesPageAccess => _pageAccess;

    internal bool IsStopped => _stopped;

    /// <inheritdoc/>
    public IVcpu GetVcpu(int index) => GetModelVcpu(index);

    /// <inheritdoc/>
    public bool IsBacked(ulong gpa) => Memory.IsBacked(gpa);

    /// <inheritdoc/>
    public bool TryReadPhysical(ulong gpa, Span<byte> destination) => Memory.TryRead(gpa, destination);

    /// <inheritdoc/>
    public bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source) => Memory.TryWrite(gpa, source);

    /// <inheritdoc/>
    public bool TryGetPageAccess(ulong gpa, out PageAccess access)
    {
        access = Memory.Peek(gpa)?.Access ?? PageAccess.All;
        return Memory.IsBacked(gpa);
    }

    /// <inheritdoc/>
    public bool TrySetPageAccess(ulong gpa, PageAccess access)
    {
        if (!Memory.TryGetFrame(gpa, out var frame)) return false;
        frame.Access = access & PageAccess.All;
        return true;
    }

    /// <inheritdoc/>
    public void Stop()
    {
        _stopped = true;
        foreach (var vcpu in _vcpus) vcpu.Kick();
    }

    internal ModelVcpu GetModelVcpu(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _vcpus.Length);
        return _vcpus[index];
    }
}
