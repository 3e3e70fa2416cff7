using Kvmi.Session.Vm;

namespace Kvmi.Guest.Memory;

/// <summary>What every read checks of its ranges.</summary>
internal static class MemoryBounds
{
    /// <summary>True when the last byte of the range has an address.</summary>
    public static bool Fits(ulong address, int length) => length == 0 || address <= ulong.MaxValue - (ulong)(length - 1);

    /// <exception cref="ArgumentException">A length is negative, or a buffer is too short.</exception>
    public static void Check(ReadOnlySpan<MemoryRange> ranges, int destination, int results)
    {
        var bytes = 0L;
        foreach (ref readonly var range in ranges)
        {
            bytes += range.Length >= 0
                ? range.Length
                : throw new ArgumentException($"A memory range has a length of {range.Length} bytes.", nameof(ranges));
        }

        if (destination < bytes)
        {
            throw new ArgumentException($"The ranges have {bytes} bytes together, the destination has {destination}.", nameof(destination));
        }

        if (results < ranges.Length)
        {
            throw new ArgumentException($"There are {ranges.Length} ranges and room for {results} results.", nameof(results));
        }
    }
}
