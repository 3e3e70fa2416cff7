using System.Buffers.Binary;

namespace Kvmi.Protocol.Commands;

/// <summary>SET_PAGE_WRITE_BITMAP as it arrives at the hypervisor's end; the entries stay on the wire (kvmi-later-dialects.md 4.2).</summary>
public readonly ref struct SetPageWriteBitmap
{
    private const int EntryLength = 16;
    private readonly ReadOnlySpan<byte> _entries;

    internal SetPageWriteBitmap(ushort view, ReadOnlySpan<byte> entries)
    {
        View = view;
        _entries = entries;
    }

    /// <summary>EPT view.</summary>
    public ushort View { get; }

    /// <summary>Number of entries.</summary>
    public int Count => _entries.Length / EntryLength;

    /// <summary>Reads entry <paramref name="index"/>.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    /// <param name="entry">The page and its bitmap.</param>
    /// <returns>False when the entry's padding is not zero, which the kernel answers with −EINVAL.</returns>
    public bool TryGetEntry(int index, out PageWriteBitmapEntry entry)
    {
        var bytes = _entries.Slice(index * EntryLength, EntryLength);
        entry = new PageWriteBitmapEntry(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));
        return !bytes[12..].ContainsAnyExcept((byte)0);
    }
}
