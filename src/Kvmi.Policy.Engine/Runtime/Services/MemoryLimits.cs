using Kvmi.Guest.Paging;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>What a policy may ask of guest memory in one call: the same in the host and in a worker.</summary>
internal static class MemoryLimits
{
    public const int MaxBytes = VirtualReader.MaxBytes;
    public const int MaxRanges = VirtualReader.MaxRanges;

    /// <exception cref="ArgumentOutOfRangeException">More bytes than a call may have, or less than none.</exception>
    public static int Check(int length) =>
        length is >= 0 and <= MaxBytes
            ? length
            : throw new ArgumentOutOfRangeException(nameof(length), length, $"A policy reads or writes 0 to {MaxBytes} bytes at once.");

    /// <returns>The bytes of all ranges together.</returns>
    /// <exception cref="ArgumentOutOfRangeException">More ranges or bytes than a call may have.</exception>
    public static int Check(ReadOnlySpan<GuestRange> ranges)
    {
        CheckCount(ranges.Length);
        var bytes = 0;
        foreach (ref readonly var range in ranges)
        {
            bytes = Check(bytes + Check(range.Length));
        }

        return bytes;
    }

    /// <exception cref="ArgumentOutOfRangeException">More ranges or bytes than a call may have.</exception>
    /// <exception cref="ArgumentException">A buffer is too short.</exception>
    public static int Check(ReadOnlySpan<GuestRange> ranges, int destination, int found)
    {
        var bytes = Check(ranges);
        return bytes <= destination && ranges.Length <= found
            ? bytes
            : throw new ArgumentException(
                $"{ranges.Length} ranges with {bytes} bytes are read into {destination} bytes and {found} results.", nameof(destination));
    }

    /// <exception cref="ArgumentOutOfRangeException">More addresses than a call may have.</exception>
    /// <exception cref="ArgumentException">A buffer is too short.</exception>
    public static void Check(int addresses, int destination, int found)
    {
        CheckCount(addresses);
        if (destination < addresses || found < addresses)
        {
            throw new ArgumentException(
                $"{addresses} addresses are translated into {destination} addresses and {found} results.", nameof(destination));
        }
    }

    /// <summary>Gives each range an array of its own.</summary>
    public static byte[]?[] Divide(ReadOnlySpan<GuestRange> ranges, ReadOnlySpan<byte> bytes, ReadOnlySpan<bool> found)
    {
        var parts = new byte[]?[ranges.Length];
        for (var i = 0; i < ranges.Length; i++)
        {
            parts[i] = found[i] ? bytes[..ranges[i].Length].ToArray() : null;
            bytes = bytes[ranges[i].Length..];
        }

        return parts;
    }

    private static void CheckCount(int count)
    {
        if (count > MaxRanges)
        {
            throw new ArgumentOutOfRangeException(nameof(count), count, $"A policy reads or translates at most {MaxRanges} ranges or addresses at once.");
        }
    }
}
