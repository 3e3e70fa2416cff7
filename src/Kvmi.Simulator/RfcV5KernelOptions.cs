namespace Kvmi.Simulator;

/// <summary>
/// Peculiarities of rfc-v5 kernels to switch on or off (rfc-v5 8.2, item 10). The defaults are a kernel as its code is, with the faults repaired that
/// no tool can live with. Immutable; other dialects ignore it.
/// </summary>
public sealed record RfcV5KernelOptions
{
    /// <summary>Largest <see cref="VcpuIdStride"/>.</summary>
    public const int MaxVcpuIdStride = 256;

    /// <summary>Which source wins where they disagree.</summary>
    public RfcV5Profile Profile { get; init; }

    /// <summary>
    /// True to ignore the masks of the HOOK ioctl and allow everything, as the code does (2.2); false enforces
    /// <see cref="SimulatorOptions.AllowedCommands"/> and <see cref="SimulatorOptions.AllowedEvents"/>.
    /// </summary>
    public bool IgnoresMasks { get; init; }

    /// <summary>
    /// True to read zero bytes with a blocking call as the series was posted (1.7): a GET_REGISTERS without MSRs, a page query of no pages and an event
    /// reply of 8 bytes take effect only when the tool's next byte arrives.
    /// </summary>
    public bool BlocksOnEmptyReads { get; init; }

    /// <summary>False for hosts with EPT, where nothing makes loads of CR3 exit (3.12): CR3 events never come.</summary>
    public bool SendsCr3Events { get; init; } = true;

    /// <summary>True to answer SET_REGISTERS outside an event with −22 instead of 0 (3.4). It is dropped either way.</summary>
    public bool RefusesLateRegisters { get; init; }

    /// <summary>
    /// True to serve 256 stale bytes to reads after a page-fault reply of the wrong size, as the code does (4.7, item 6); false serves none.
    /// </summary>
    public bool ServesStaleBytes { get; init; }

    /// <summary>False for hosts without TSC scaling: GET_GUEST_INFO then tells a speed of 0 (3.2).</summary>
    public bool HasTscScaling { get; init; } = true;

    /// <summary>
    /// Events carry the vCPU's id, which is its index times this number, 1 to <see cref="MaxVcpuIdStride"/>; commands always take the index (3, A33).
    /// </summary>
    public int VcpuIdStride { get; init; } = 1;

    /// <summary>True to send a hello as the device manager of the time does: no start time, no name (1.2).</summary>
    public bool SilentHello { get; init; }
}
