namespace Kvmi.Kvm.Debugging;

/// <summary>One of the processor's four breakpoints.</summary>
/// <param name="Address">Linear address, a multiple of <paramref name="Size"/>.</param>
/// <param name="Access">What stops the guest.</param>
/// <param name="Size">Bytes watched: 1, 2, 4 or 8; always 1 for <see cref="BreakpointAccess.Execute"/>.</param>
public readonly record struct HardwareBreakpoint(ulong Address, BreakpointAccess Access = BreakpointAccess.Execute, int Size = 1)
{
    /// <summary>The four bits of this breakpoint in DR7.</summary>
    /// <exception cref="ArgumentException">The processor has no such breakpoint.</exception>
    internal uint Bits()
    {
        var length = Size switch
        {
            1 => 0u,
            2 => 1u,
            4 => 3u,
            8 => 2u,
            _ => throw new ArgumentException($"A hardware breakpoint watches 1, 2, 4 or 8 bytes, not {Size}."),
        };
        if (Access is not (BreakpointAccess.Execute or BreakpointAccess.Write or BreakpointAccess.ReadWrite))
        {
            throw new ArgumentException($"A hardware breakpoint cannot stop at {Access}.");
        }

        if (Access == BreakpointAccess.Execute && Size != 1)
        {
            throw new ArgumentException($"A hardware breakpoint on execution watches 1 byte, not {Size}.");
        }

        return Address % (ulong)Size != 0
            ? throw new ArgumentException($"The address 0x{Address:x} of a hardware breakpoint is no multiple of its size {Size}.")
            : (length << 2) | (uint)Access;
    }
}
