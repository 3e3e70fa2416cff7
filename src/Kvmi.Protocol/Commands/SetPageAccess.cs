using System.Buffers.Binary;

namespace Kvmi.Protocol.Commands;

/// <summary>
/// SET_PAGE_ACCESS as it arrives at the hypervisor's end: the entries stay on the wire and are read one by one
/// (kvmi-later-dialects.md 3.6: every entry is tried, the first error is the result).
/// </summary>
public readonly ref struct SetPageAccess
{
    private const int EntryLength = 16;
    private readonly ReadOnlySpan<byte> _entries;
    private readonly bool _ignoresPadding;

    internal SetPageAccess(ushort view, ReadOnlySpan<byte> entries, ushort vcpu = 0, bool ignoresPadding = false)
    {
        View = view;
        Vcpu = vcpu;
        _entries = entries;
        _ignoresPadding = ignoresPadding;
    }

    /// <summary>vCPU that carries it out where the dialect names one (rfc-v5); 0 elsewhere. The restriction holds for the whole VM.</summary>
    public ushort Vcpu { get; }

    /// <summary>EPT view; 0 where the dialect knows none.</summary>
    public ushort View { get; }

    /// <summary>Number of entries.</summary>
    public int Count => _entries.Length / EntryLength;

    /// <summary>Reads entry <paramref name="index"/>.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    /// <param name="gpa">Guest-physical address of the page.</param>
    /// <param name="access">The raw access byte; bits above 7 make the kernel answer −EINVAL.</param>
    /// <returns>False when the entry's padding is not zero, which the kernel answers with −EINVAL.</returns>
    public bool TryGetEntry(int index, out ulong gpa, out byte access)
    {
        var entry = _entries.Slice(index * EntryLength, EntryLength);
        gpa = BinaryPrimitives.ReadUInt64LittleEndian(entry);
        access = entry[8];
        return _ignoresPadding || !entry[9..].ContainsAnyExcept((byte)0);
    }
}
