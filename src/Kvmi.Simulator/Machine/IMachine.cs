using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine;

/// <summary>
/// A machine as the kernel side of introspection knows it: physical memory, page access rights and vCPUs that run until
/// something happens. Nothing of a KVMI dialect is known below this interface, nothing of the machine's construction above it.
/// </summary>
/// <remarks>
/// All members may be called from any thread at any time. Memory is shared between vCPUs without ordering between them,
/// as on hardware; one aligned access of up to 8 bytes is never torn.
/// </remarks>
public interface IMachine
{
    /// <summary>Number of vCPUs. It may grow (hot-plug) but never shrinks.</summary>
    int VcpuCount { get; }

    /// <summary>First guest-physical address after memory; a multiple of 4096. Divided by 4096 it is what GET_MAX_GFN answers.</summary>
    ulong MemorySize { get; }

    /// <summary>Frequency of the time-stamp counter in Hz; 0 when unknown.</summary>
    ulong TscFrequency { get; }

    /// <summary>What the machine's virtualization hardware offers. Never changes.</summary>
    MachineFeatures Features { get; }

    /// <summary>The views of physical memory; null without <see cref="MachineFeatures.Views"/>.</summary>
    IMachineViews? Views { get; }

    /// <summary>The switches that hold for the whole machine.</summary>
    IMachineTraps Traps { get; }

    /// <summary>
    /// Raised for each vCPU that is plugged in while the machine exists, by whomever, with its number; it is countable and usable by then.
    /// Any thread; a handler must not block.
    /// </summary>
    event Action<int>? VcpuAdded;

    /// <summary>
    /// Plugs one vCPU in. It is uninitialised (<see cref="IVcpu.IsInitialized"/>) until the guest starts it. <see cref="VcpuAdded"/> has been raised
    /// when this returns.
    /// </summary>
    /// <param name="index">Its number: the <see cref="VcpuCount"/> of before.</param>
    /// <returns>False when the machine has all vCPUs that it can have, or cannot plug at all.</returns>
    bool TryAddVcpu(out int index);

    /// <summary>Gives one vCPU.</summary>
    /// <param name="index">0 to <see cref="VcpuCount"/> - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such vCPU.</exception>
    IVcpu GetVcpu(int index);

    /// <summary>Tells whether the page that contains an address is guest memory.</summary>
    /// <param name="gpa">Guest-physical address.</param>
    bool IsBacked(ulong gpa);

    /// <summary>Reads guest-physical memory, ignoring access restrictions.</summary>
    /// <param name="gpa">Where to start.</param>
    /// <param name="destination">Is filled completely, or left alone.</param>
    /// <returns>False when a byte of the range is not guest memory.</returns>
    bool TryReadPhysical(ulong gpa, Span<byte> destination);

    /// <summary>Writes guest-physical memory, ignoring access restrictions. Changed code is executed as changed.</summary>
    /// <param name="gpa">Where to start.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False when a byte of the range is not guest memory; then nothing is written.</returns>
    bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source);

    /// <summary>Reads the access rights of a page in view 0; <see cref="PageAccess.All"/> where nothing was ever restricted.</summary>
    /// <param name="gpa">An address in the page.</param>
    /// <param name="access">What is allowed.</param>
    /// <returns>False when the page is not guest memory.</returns>
    bool TryGetPageAccess(ulong gpa, out PageAccess access);

    /// <summary>Sets the access rights of a page in view 0, for all vCPUs. They hold from the next access of each vCPU on.</summary>
    /// <param name="gpa">An address in the page.</param>
    /// <param name="access">What stays allowed.</param>
    /// <returns>False when the page is not guest memory.</returns>
    bool TrySetPageAccess(ulong gpa, PageAccess access);

    /// <summary>Ends the machine: each <see cref="IVcpu.Run"/>, also one under way, returns <see cref="VcpuExitKind.Stopped"/>.</summary>
    void Stop();
}
