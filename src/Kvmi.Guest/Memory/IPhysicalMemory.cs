using Kvmi.Session.Vm;

namespace Kvmi.Guest.Memory;

/// <summary>Guest-physical memory as the walker and the decoder read it. Bytes are the guest's: hostile input.</summary>
public interface IPhysicalMemory
{
    /// <summary>Fills the destination from guest-physical memory, across page borders; false when any byte cannot be read.</summary>
    bool TryRead(ulong gpa, Span<byte> destination);

    /// <summary>
    /// Reads many ranges, one behind the other into one buffer. Where reads are commands, they leave together. The body is for memory that
    /// needs no commands: it reads one by one.
    /// </summary>
    /// <param name="ranges">What to read; ranges may cross pages.</param>
    /// <param name="destination">At least as long as all ranges together; the place of a range that failed holds no usable bytes.</param>
    /// <param name="results">At least one place for each range: true when all its bytes were read.</param>
    /// <returns>True when every range was read.</returns>
    /// <exception cref="ArgumentException">A length is negative, or a buffer is too short.</exception>
    bool TryRead(ReadOnlySpan<MemoryRange> ranges, Span<byte> destination, Span<bool> results)
    {
        MemoryBounds.Check(ranges, destination.Length, results.Length);
        var all = true;
        for (var i = 0; i < ranges.Length; i++)
        {
            results[i] = TryRead(ranges[i].Gpa, destination[..ranges[i].Length]);
            all &= results[i];
            destination = destination[ranges[i].Length..];
        }

        return all;
    }
}
