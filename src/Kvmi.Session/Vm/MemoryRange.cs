
namespace Kvmi.Session.Vm;

/// <summary>A run of guest-physical memory.</summary>
/// <param name="Gpa">Where it begins.</param>
/// <param name="Length">Bytes; 0 is allowed.</param>
public readonly record struct MemoryRange(ulong Gpa, int Length)
{
    internal static void Check(ReadOnlySpan<MemoryRange> ranges, int destination, int results)
    {
        var bytes = 0L;
        foreach (var range in ranges)
        {
            if (range.Length < 0)
            {
                throw new ArgumentException($"A memory range has a length of {range.Length} bytes.", nameof(ranges));
            }

            bytes += range.Length;
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
