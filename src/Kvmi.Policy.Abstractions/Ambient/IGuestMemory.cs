namespace Kvmi.Policy;

/// <summary>
/// Guest memory. Each access is a command to the kernel while the vCPU waits. Reads never throw on guest data: an address
/// that is not mapped or not backed gives null or false. At most 65,536 bytes a call; more throws
/// <see cref="ArgumentOutOfRangeException"/>, as the number is the policy's own.
/// </summary>
public interface IGuestMemory
{
    /// <summary>Reads guest-physical memory; null when any byte of it cannot be read.</summary>
    byte[]? TryReadPhysical(ulong gpa, int length);

    /// <summary>Reads guest-physical memory into a buffer, without allocating.</summary>
    bool TryReadPhysical(ulong gpa, Span<byte> destination);

    /// <summary>Reads guest-virtual memory with the page tables of the event's vCPU; null when any byte of it cannot be read.</summary>
    byte[]? TryReadVirtual<TEvent>(TEvent e, ulong gva, int length)
        where TEvent : IGuestEvent, allows ref struct;

    /// <summary>Reads guest-virtual memory with the page tables of the event's vCPU, without allocating.</summary>
    bool TryReadVirtual<TEvent>(TEvent e, ulong gva, Span<byte> destination)
        where TEvent : IGuestEvent, allows ref struct;

    /// <summary>Translates with the page tables of the event's vCPU; false when not mapped.</summary>
    bool TryTranslate<TEvent>(TEvent e, ulong gva, out ulong gpa)
        where TEvent : IGuestEvent, allows ref struct;

    /// <summary>SHA-256 of the page that contains the address; <see cref="PageHash.Unreadable"/> when it cannot be read.</summary>
    PageHash HashPage(ulong gpa);

    /// <summary>Writes guest-physical memory. In audit mode nothing is written and the answer is true.</summary>
    bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source);
}
