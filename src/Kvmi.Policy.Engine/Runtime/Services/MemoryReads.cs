namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>
/// Guest memory as policies see it: reads that make their own buffer, by way of those into a buffer, and a twin that looks at the guest anew.
/// Where the bytes come from is the derived class's.
/// </summary>
internal abstract class MemoryReads : IGuestMemory
{
    protected MemoryReads(IGuestMemory? fresh) => Fresh = fresh ?? this;

    public IGuestMemory Fresh { get; }

    /// <summary>True for the twin that remembers nothing.</summary>
    protected bool IsFresh => ReferenceEquals(Fresh, this);

    public byte[]? TryReadPhysical(ulong gpa, int length)
    {
        var bytes = new byte[MemoryLimits.Check(length)];
        return TryReadPhysical(gpa, bytes) ? bytes : null;
    }

    public abstract bool TryReadPhysical(ulong gpa, Span<byte> destination);

    public byte[]?[] TryReadPhysical(GuestRange[] ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        var bytes = new byte[MemoryLimits.Check(ranges)];
        Span<bool> found = stackalloc bool[ranges.Length];
        TryReadPhysical(ranges, bytes, found);
        return MemoryLimits.Divide(ranges, bytes, found);
    }

    public abstract bool TryReadPhysical(ReadOnlySpan<GuestRange> ranges, Span<byte> destination, Span<bool> found);

    public byte[]? TryReadVirtual<TEvent>(TEvent e, ulong gva, int length)
        where TEvent : IGuestEvent, allows ref struct
    {
        var bytes = new byte[MemoryLimits.Check(length)];
        return TryReadVirtual(e, gva, bytes) ? bytes : null;
    }

    public abstract bool TryReadVirtual<TEvent>(TEvent e, ulong gva, Span<byte> destination)
        where TEvent : IGuestEvent, allows ref struct;

    public byte[]?[] TryReadVirtual<TEvent>(TEvent e, GuestRange[] ranges)
        where TEvent : IGuestEvent, allows ref struct
    {
        ArgumentNullException.ThrowIfNull(ranges);
        var bytes = new byte[MemoryLimits.Check(ranges)];
        Span<bool> found = stackalloc bool[ranges.Length];
        TryReadVirtual(e, ranges, bytes, found);
        return MemoryLimits.Divide(ranges, bytes, found);
    }

    public abstract bool TryReadVirtual<TEvent>(TEvent e, ReadOnlySpan<GuestRange> ranges, Span<byte> destination, Span<bool> found)
        where TEvent : IGuestEvent, allows ref struct;

    public abstract bool TryTranslate<TEvent>(TEvent e, ulong gva, out ulong gpa)
        where TEvent : IGuestEvent, allows ref struct;

    public abstract bool TryTranslate<TEvent>(TEvent e, ReadOnlySpan<ulong> gvas, Span<ulong> gpas, Span<bool> found)
        where TEvent : IGuestEvent, allows ref struct;

    public abstract PageHash HashPage(ulong gpa);

    public abstract bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source);
}
