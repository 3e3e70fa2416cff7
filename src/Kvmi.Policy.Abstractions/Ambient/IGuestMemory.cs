namespace Kvmi.Policy;

/// <summary>
/// Guest memory. What is not known yet is asked of the kernel, while the vCPU waits: each page that is needed is a command, and a
/// virtual address needs its page tables as well. So read what you need in one call: the commands of a call leave together,
/// level by level of the page tables.
/// <para>
/// For the length of an event, what was read is remembered, for all policies of the VM: another read of the same bytes costs nothing, and
/// may show them as they were at the first one. The guest's other vCPUs run meanwhile and may have changed them. What a policy
/// writes, and a change of <see cref="PolicyBase.Pages"/>, is seen by the next read. Where an answer must not be older than the
/// question (was it changed between check and use?), read through <see cref="Fresh"/>. Outside of events nothing is remembered.
/// </para>
/// <para>
/// Reads never throw on guest data: an address that is not mapped or not backed gives null, or false and a cleared buffer. At most 65,536 bytes and 64
/// ranges a call; more throws <see cref="ArgumentOutOfRangeException"/>, as the number is the policy's own. A buffer that is too short for
/// its ranges throws <see cref="ArgumentException"/>. Where ranges go into a span, a script gives an array that it keeps, or a
/// <c>stackalloc</c>: for a list in brackets the compiler writes what scripts may not use. Members with a body are for stand-ins;
/// they read one by one.
/// </para>
/// </summary>
public interface IGuestMemory
{
    /// <summary>The same memory, each call of which looks at the guest again, page tables included; later reads see at least what it saw.</summary>
    IGuestMemory Fresh => this;

    /// <summary>Reads guest-physical memory; null when any byte of it cannot be read.</summary>
    byte[]? TryReadPhysical(ulong gpa, int length);

    /// <summary>Reads guest-physical memory into a buffer, without allocating.</summary>
    bool TryReadPhysical(ulong gpa, Span<byte> destination);

    /// <summary>Reads many ranges of guest-physical memory together; null in the place of each that cannot be read as a whole.</summary>
    byte[]?[] TryReadPhysical(GuestRange[] ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        return Array.ConvertAll(ranges, range => TryReadPhysical(range.Address, range.Length));
    }

    /// <summary>Reads many ranges of guest-physical memory together, without allocating.</summary>
    /// <param name="ranges">What to read.</param>
    /// <param name="destination">Takes the ranges, one behind the other; the place of one that cannot be read is cleared.</param>
    /// <param name="found">A place for each range: true when all its bytes were read.</param>
    /// <returns>True when every range was read.</returns>
    bool TryReadPhysical(ReadOnlySpan<GuestRange> ranges, Span<byte> destination, Span<bool> found)
    {
        var all = true;
        for (var i = 0; i < ranges.Length; i++)
        {
            found[i] = TryReadPhysical(ranges[i].Address, destination[..ranges[i].Length]);
            all &= found[i];
            destination = destination[ranges[i].Length..];
        }

        return all;
    }

    /// <summary>Reads guest-virtual memory with the page tables of the event's vCPU; null when any byte of it cannot be read.</summary>
    byte[]? TryReadVirtual<TEvent>(TEvent e, ulong gva, int length)
        where TEvent : IGuestEvent, allows ref struct;

    /// <summary>Reads guest-virtual memory with the page tables of the event's vCPU, without allocating.</summary>
    bool TryReadVirtual<TEvent>(TEvent e, ulong gva, Span<byte> destination)
        where TEvent : IGuestEvent, allows ref struct;

    /// <summary>
    /// Reads many ranges of guest-virtual memory together, with the page tables of the event's vCPU; null in the place of each that cannot
    /// be read as a whole: <c>Memory.TryReadVirtual(e, [new(e.Rip, 64), new(e.New, 64)])</c>.
    /// </summary>
    byte[]?[] TryReadVirtual<TEvent>(TEvent e, GuestRange[] ranges)
        where TEvent : IGuestEvent, allows ref struct
    {
        ArgumentNullException.ThrowIfNull(ranges);
        var bytes = new byte[]?[ranges.Length];
        for (var i = 0; i < ranges.Length; i++)
        {
            bytes[i] = TryReadVirtual(e, ranges[i].Address, ranges[i].Length);
        }

        return bytes;
    }

    /// <summary>Reads many ranges of guest-virtual memory together, without allocating.</summary>
    /// <param name="e">The event whose vCPU's page tables count.</param>
    /// <param name="ranges">What to read.</param>
    /// <param name="destination">Takes the ranges, one behind the other; the place of one that cannot be read is cleared.</param>
    /// <param name="found">A place for each range: true when all its bytes were read.</param>
    /// <returns>True when every range was read.</returns>
    bool TryReadVirtual<TEvent>(TEvent e, ReadOnlySpan<GuestRange> ranges, Span<byte> destination, Span<bool> found)
        where TEvent : IGuestEvent, allows ref struct
    {
        var all = true;
        for (var i = 0; i < ranges.Length; i++)
        {
            found[i] = TryReadVirtual(e, ranges[i].Address, destination[..ranges[i].Length]);
            all &= found[i];
            destination = destination[ranges[i].Length..];
        }

        return all;
    }

    /// <summary>Translates with the page tables of the event's vCPU; false when not mapped.</summary>
    bool TryTranslate<TEvent>(TEvent e, ulong gva, out ulong gpa)
        where TEvent : IGuestEvent, allows ref struct;

    /// <summary>Translates many addresses together, with the page tables of the event's vCPU.</summary>
    /// <param name="e">The event whose vCPU's page tables count.</param>
    /// <param name="gvas">Guest-virtual addresses.</param>
    /// <param name="gpas">A place for each: the guest-physical address; 0 when it is not mapped.</param>
    /// <param name="found">A place for each: true when it is mapped.</param>
    /// <returns>True when every address is mapped.</returns>
    bool TryTranslate<TEvent>(TEvent e, ReadOnlySpan<ulong> gvas, Span<ulong> gpas, Span<bool> found)
        where TEvent : IGuestEvent, allows ref struct
    {
        var all = true;
        for (var i = 0; i < gvas.Length; i++)
        {
            found[i] = TryTranslate(e, gvas[i], out gpas[i]);
            all &= found[i];
        }

        return all;
    }

    /// <summary>
    /// SHA-256 of the page that contains the address; <see cref="PageHash.Unreadable"/> when it cannot be read. The page is always read
    /// again: a hash decides whether code is what it was, and must not be older than the question.
    /// </summary>
    PageHash HashPage(ulong gpa);

    /// <summary>Writes guest-physical memory. In audit mode nothing is written and the answer is true.</summary>
    bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source);
}
