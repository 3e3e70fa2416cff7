namespace Kvmi.Protocol.Commands;

/// <summary>WRITE_PHYSICAL: bytes inside one guest page.</summary>
public readonly ref struct WritePhysical
{
    /// <summary>Makes the command.</summary>
    /// <param name="gpa">Guest-physical address.</param>
    /// <param name="data">1 to 4096 bytes, not past the end of the page.</param>
    public WritePhysical(ulong gpa, ReadOnlySpan<byte> data)
    {
        Gpa = gpa;
        Data = data;
    }

    /// <summary>Guest-physical address.</summary>
    public ulong Gpa { get; }

    /// <summary>The bytes to write.</summary>
    public ReadOnlySpan<byte> Data { get; }
}
