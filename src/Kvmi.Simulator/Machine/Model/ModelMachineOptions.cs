namespace Kvmi.Simulator.Machine.Model;

/// <summary>What a model machine is made of.</summary>
public sealed record ModelMachineOptions
{
    /// <summary>Number of vCPUs, 1 to 64.</summary>
    public int VcpuCount { get; init; } = 2;

    /// <summary>Most vCPUs that can be there after hot-plug, up to 64; <see cref="VcpuCount"/> when it is smaller.</summary>
    public int MaxVcpus { get; init; } = 64;

    /// <summary>Whose virtualization hardware it has.</summary>
    public MachineHardware Hardware { get; init; }

    /// <summary>Bytes of memory, a multiple of 4096, at most 1 TiB. Only touched pages cost host memory.</summary>
    public ulong MemorySize { get; init; } = 128UL << 20;

    /// <summary>TSC ticks per second that the machine claims. The model's TSC counts executed instructions.</summary>
    public ulong TscFrequency { get; init; } = 2_000_000_000;
}
