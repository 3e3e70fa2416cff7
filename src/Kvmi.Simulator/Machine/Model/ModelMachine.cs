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
public sealed partial class ModelMachine : IMachine, IMachineTraps
{
    private const int MostVcpus = 64;
    private const MachineFeatures VmxFeatures = MachineFeatures.Singlestep | MachineFeatures.Views | MachineFeatures.Vmfunc
        | MachineFeatures.VirtualizationExceptions | MachineFeatures.SubPageProtection;

    private readonly ModelVcpu?[] _vcpus;
    private readonly Lock _plugGate = new();
    private int _vcpuCount;
    private volatile bool _pageAccess;
    private volatile bool _pageWalks = true;
    private volatile bool _stopped;

    /// <summary>Makes a machine with empty memory and vCPUs in reset state.</summary>
    /// <param name="options">Its size.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public ModelMachine(ModelMachineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.VcpuCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.VcpuCount, MostVcpus);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxVcpus, MostVcpus);
        Memory = new PhysicalMemory(options.MemorySize);
        SecondLevel = new SecondLevel(Memory);
        Features = options.Hardware == MachineHardware.Vmx ? VmxFeatures : MachineFeatures.None;
        TscFrequency = options.TscFrequency;
        _vcpus = new ModelVcpu[Math.Max(options.VcpuCount, options.MaxVcpus)];
        _vcpuCount = options.VcpuCount;
        for (var index = 0; index < _vcpuCount; index++) _vcpus[index] = new ModelVcpu(this, index, isInitialized: true);
    }

    /// <inheritdoc/>
    public event Action<int>? VcpuAdded;

    /// <inheritdoc/>
    public int VcpuCount => Volatile.Read(ref _vcpuCount);

    /// <inheritdoc/>
    public ulong MemorySize => Memory.Size;

    /// <inheritdoc/>
    public ulong TscFrequency { get; }

    /// <inheritdoc/>
    public MachineFeatures Features { get; }

    /// <inheritdoc/>
    public IMachineViews? Views => Has(MachineFeatures.Views) ? SecondLevel : null;

    /// <inheritdoc/>
    public IMachineTraps Traps => this;

    /// <inheritdoc/>
    bool IMachineTraps.PageAccess
    {
        get => _pageAccess;
        set => _pageAccess = value;
    }

    /// <inheritdoc/>
    bool IMachineTraps.PageWalks
    {
        get => _pageWalks;
        set => _pageWalks = value;
    }

    internal PhysicalMemory Memory { get; }

    internal SecondLevel SecondLevel { get; }

    /// <summary>Held by a vCPU for the time of one locked instruction.</summary>
    internal Lock BusLock { get; } = new();

    internal bool EnforcesPageAccess => _pageAccess;

    internal bool EnforcesPageWalks => _pageWalks;

    internal bool IsStopped => _stopped;

    /// <inheritdoc/>
    public bool TryAddVcpu(out int index)
    {
        lock (_plugGate)
        {
            index = _vcpuCount;
            if (index == _vcpus.Length) return false;
            _vcpus[index] = new ModelVcpu(this, index, isInitialized: false);
            Volatile.Write(ref _vcpuCount, index + 1);
        }

        VcpuAdded?.Invoke(index);
        return true;
    }

    /// <inheritdoc/>
    public IVcpu GetVcpu(int index) => GetModelVcpu(index);

    /// <inheritdoc/>
    public bool IsBacked(ulong gpa) => Memory.IsBacked(gpa);

    /// <inheritdoc/>
    public bool TryReadPhysical(ulong gpa, Span<byte> destination) => Memory.TryRead(gpa, destination);

    /// <inheritdoc/>
    public bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source) => Memory.TryWrite(gpa, source);

    /// <inheritdoc/>
    public bool TryGetPageAccess(ulong gpa, out PageAccess access) => SecondLevel.TryGetPageAccess(0, gpa, out access);

    /// <inheritdoc/>
    public bool TrySetPageAccess(ulong gpa, PageAccess access) => SecondLevel.TrySetPageAccess(0, gpa, access);

    /// <inheritdoc/>
    public void Stop()
    {
        _stopped = true;

        // One that is plugged in just now sees the flag before it runs.
        for (var index = 0; index < VcpuCount; index++) GetModelVcpu(index).Kick();
    }

    internal bool Has(MachineFeatures feature) => (Features & feature) != 0;

    internal ModelVcpu GetModelVcpu(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, VcpuCount);
        return _vcpus[index]!;
    }
}
