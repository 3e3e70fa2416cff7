namespace Kvmi.Policy;

/// <summary>SHA-256 of a page's 4096 bytes.</summary>
/// <param name="Part0">Bytes 0 to 7, big endian.</param>
/// <param name="Part1">Bytes 8 to 15, big endian.</param>
/// <param name="Part2">Bytes 16 to 23, big endian.</param>
/// <param name="Part3">Bytes 24 to 31, big endian.</param>
public readonly record struct PageHash(ulong Part0, ulong Part1, ulong Part2, ulong Part3)
{
    /// <summary>The hash of a page that could not be read: all zero, equal to no real page's.</summary>
    public static PageHash Unreadable => default;

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => $"{Part0:x16}{Part1:x16}{Part2:x16}{Part3:x16}";
}
