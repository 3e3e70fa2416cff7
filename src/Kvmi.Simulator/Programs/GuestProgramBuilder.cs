using Kvmi.Simulator.Machine.Model;

namespace Kvmi.Simulator.Programs;

/// <summary>
/// Puts a guest together: what each vCPU does after boot. Every <see cref="BuildMachine"/> makes a fresh machine that is ready to run.
/// </summary>
public sealed class GuestProgramBuilder
{
    /// <summary>Process switches of a hot-plugged vCPU that has no program.</summary>
    public const int HotPluggedSwitches = 12;

    private readonly VcpuProgramBuilder[] _vcpus;

    /// <summary>Starts a guest whose vCPUs boot and then halt.</summary>
    /// <param name="vcpuCount">1 to <see cref="GuestLayout.MaxVcpus"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another number.</exception>
    public GuestProgramBuilder(int vcpuCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vcpuCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(vcpuCount, GuestLayout.MaxVcpus);
        VcpuCount = vcpuCount;
        _vcpus = new VcpuProgramBuilder[GuestLayout.MaxVcpus];
        for (var index = 0; index < _vcpus.Length; index++) _vcpus[index] = new VcpuProgramBuilder();
    }

    /// <summary>Number of vCPUs that the machine starts with.</summary>
    public int VcpuCount { get; }

    /// <summary>
    /// The program of one vCPU, also of one that may be plugged in later; without a step of its own such a one makes
    /// <see cref="HotPluggedSwitches"/> process switches.
    /// </summary>
    /// <param name="vcpu">Its number, below <see cref="GuestLayout.MaxVcpus"/>.</param>
    public VcpuProgramBuilder this[int vcpu] => _vcpus[vcpu];

    /// <summary>Adds the same steps to every vCPU that the machine starts with.</summary>
    /// <param name="add">Adds them to one.</param>
    public GuestProgramBuilder OnEach(Action<VcpuProgramBuilder> add)
    {
        ArgumentNullException.ThrowIfNull(add);
        foreach (var vcpu in _vcpus.AsSpan(0, VcpuCount)) add(vcpu);
        return this;
    }

    /// <summary>Makes a machine with this guest loaded, every vCPU at its boot entry.</summary>
    /// <param name="memorySize">Bytes of memory, a multiple of 4096, at least <see cref="GuestLayout.MinMemorySize"/>.</param>
    /// <param name="hardware">Whose virtualization hardware the machine has.</param>
    /// <exception cref="ArgumentOutOfRangeException">Too little memory.</exception>
    public ModelMachine BuildMachine(ulong memorySize = GuestLayout.MinMemorySize, MachineHardware hardware = MachineHardware.Vmx)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(memorySize, GuestLayout.MinMemorySize);
        var machine = new ModelMachine(new ModelMachineOptions
        {
            VcpuCount = VcpuCount,
            MaxVcpus = GuestLayout.MaxVcpus,
            MemorySize = memorySize,
            Hardware = hardware,
        });
        GuestLoader.Load(machine, Enumerable.Range(0, _vcpus.Length).Select(Words).ToArray());
        return machine;
    }

    private ulong[] Words(int vcpu)
    {
        var isPluggedWithoutProgram = vcpu >= VcpuCount && _vcpus[vcpu].StepCount == 0;
        return isPluggedWithoutProgram ? new VcpuProgramBuilder().ProcessSwitches(HotPluggedSwitches).ToWords() : _vcpus[vcpu].ToWords();
    }
}
