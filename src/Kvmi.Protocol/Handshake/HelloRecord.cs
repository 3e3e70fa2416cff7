using System.Buffers.Binary;
using System.Text;

namespace Kvmi.Protocol.Handshake;

/// <summary>
/// The record that the device manager (QEMU) sends first: who the VM is (kvmi-later-dialects.md 2.2). The instance owns
/// its data and may be kept and shared between threads. Everything in it is the peer's claim.
/// </summary>
public sealed class HelloRecord
{
    /// <summary>Smallest size that a tool accepts: everything in front of the name.</summary>
    public const int MinSize = 32;

    /// <summary>Largest size that a tool accepts.</summary>
    public const int MaxSize = 65536;

    /// <summary>Size of the form without additions.</summary>
    public const int BaseSize = 96;

    /// <summary>Size of the form that tells the end of RAM, and of the memory-map form without entries.</summary>
    public const int ExtendedSize = 104;

    /// <summary>Largest number of memory-map entries that QEMU 2.11.93 sends.</summary>
    public const int MaxE820Entries = 8;

    private const int SizeField = 4;
    private const int UuidOffset = 4;
    private const int CpuTypeOffset = 20;
    private const int StartTimeOffset = 24;
    private const int NameOffset = 32;
    private const int NameLength = BaseSize - NameOffset;
    private const int E820Length = 24;

    /// <summary>Value of the size field: bytes of the record, the field included.</summary>
    public int Size { get; init; } = BaseSize;

    /// <summary>UUID of the VM, in the order of its printed form.</summary>
    public Guid Uuid { get; init; }

    /// <summary>CPU type of QEMU 2.11.93 (0 i386, 1 x86-64, 255 unknown); padding, zero, in other builds.</summary>
    public byte CpuType { get; init; }

    /// <summary>When the VM was started or reset: host clock, seconds since 1970; 0 from QEMU of v5 and v6.</summary>
    public long StartTime { get; init; }

    /// <summary>The name's bytes up to its NUL, at most 63, as the peer sent them; not checked to be UTF-8.</summary>
    public ReadOnlyMemory<byte> Name { get; init; }

    /// <summary>The name, safe to print: control characters and bytes that are no UTF-8 appear as escapes.</summary>
    public string DisplayName => EscapedText.FromUtf8(Name.Span);

    /// <summary>End of the highest RAM range (v12 QEMU, size 104); null where the hello does not tell it.</summary>
    public ulong? MaxGpa { get; init; }

    /// <summary>The memory map (QEMU 2.11.93, size 104 + 24 n); empty in other forms.</summary>
    public IReadOnlyList<E820Entry> E820 { get; init; } = [];

    /// <summary>Makes a name for a hello that is to be written.</summary>
    /// <param name="name">Cut to 63 bytes of UTF-8, at a character.</param>
    public static ReadOnlyMemory<byte> EncodeName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var buffer = new byte[NameLength - 1];
        Encoding.UTF8.GetEncoder().Convert(name, buffer, flush: true, out _, out var used, out _);
        return buffer.AsMemory(0, used);
    }

    /// <summary>Size of the memory-map form with <paramref name="entries"/> entries.</summary>
    public static int SizeWithE820(int entries) => ExtendedSize + (E820Length * entries);

    /// <summary>Reads the size field alone, so that a receiver knows how many bytes to wait for.</summary>
    /// <param name="start">The first bytes of the connection; four are enough.</param>
    /// <param name="size">Bytes of the whole record, these four included; 0 unless Ok.</param>
    /// <param name="error">What is wrong and what to do; null when Ok.</param>
    public static HandshakeStatus TryReadSize(ReadOnlySpan<byte> start, out int size, out string? error)
    {
        size = 0;
        error = null;
        if (start.Length < SizeField)
        {
            error = $"The hello of the device manager ended after {start.Length} bytes; its size field has {SizeField}.";
            return HandshakeStatus.Incomplete;
        }

        var announced = BinaryPrimitives.ReadUInt32LittleEndian(start);
        if (announced is < MinSize or > MaxSize)
        {
            error = $"The hello of the device manager announces {announced} bytes; {MinSize} to {MaxSize} are allowed. "
                + "Check that the peer is QEMU's introspection object.";
            return HandshakeStatus.BadSize;
        }

        size = (int)announced;
        return HandshakeStatus.Ok;
    }

    /// <summary>
    /// Reads a whole record. Bytes behind the announced size are not looked at, fields behind a small size are zero, and a
    /// name without NUL is cut to 63 bytes.
    /// </summary>
    /// <param name="record">At least the announced number of bytes.</param>
    /// <param name="hello">The record; null unless Ok.</param>
    public static HandshakeStatus TryRead(ReadOnlySpan<byte> record, out HelloRecord? hello)
    {
        hello = null;
        var status = TryReadSize(record, out var size, out _);
        if (status != HandshakeStatus.Ok)
        {
            return status;
        }

        if (record.Length < size)
        {
            return HandshakeStatus.Incomplete;
        }

        record = record[..size];
        var e820 = ReadE820(record);
        hello = new HelloRecord
        {
            Size = size,
            Uuid = new Guid(record.Slice(UuidOffset, 16), bigEndian: true),
            CpuType = record[CpuTypeOffset],
            StartTime = BinaryPrimitives.ReadInt64LittleEndian(record[StartTimeOffset..]),
            Name = ReadName(record[NameOffset..Math.Min(size, BaseSize)]),
            MaxGpa = size == ExtendedSize ? NullIfZero(BinaryPrimitives.ReadUInt64LittleEndian(record[BaseSize..])) : null,
            E820 = e820,
        };
        return HandshakeStatus.Ok;
    }

    /// <summary>Writes the record in the form that <see cref="Size"/> says; what does not fit into a small form is left out.</summary>
    /// <returns>Bytes written: <see cref="Size"/>.</returns>
    /// <exception cref="ArgumentException">The destination is too small.</exception>
    /// <exception cref="InvalidOperationException">The size is out of range or does not fit the memory map.</exception>
    public int Write(Span<byte> destination)
    {
        if (Size is < MinSize or > MaxSize || E820.Count > MaxE820Entries || (E820.Count > 0 && Size != SizeWithE820(E820.Count)))
        {
            throw new InvalidOperationException(
                $"A hello of {Size} bytes with {E820.Count} memory-map entries does not exist: {MinSize} to {MaxSize} bytes without, "
                + $"{ExtendedSize} + {E820Length} n bytes with up to {MaxE820Entries} entries.");
        }

        if (destination.Length < Size)
        {
            throw new ArgumentException($"The hello needs {Size} bytes, the destination has {destination.Length}.", nameof(destination));
        }

        var record = destination[..Size];
        record.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)Size);
        Uuid.TryWriteBytes(record[UuidOffset..], bigEndian: true, out _);
        record[CpuTypeOffset] = CpuType;
        BinaryPrimitives.WriteInt64LittleEndian(record[StartTimeOffset..], StartTime);

        var room = Math.Min(Size, BaseSize - 1) - NameOffset;
        Name.Span[..Math.Min(Name.Length, room)].CopyTo(record[NameOffset..]);
        WriteExtension(record);
        return Size;
    }

    private static byte[] ReadName(ReadOnlySpan<byte> field)
    {
        var name = field[..Math.Min(field.Length, NameLength - 1)];
        var end = name.IndexOf((byte)0);
        return (end < 0 ? name : name[..end]).ToArray();
    }

    private static E820Entry[] ReadE820(ReadOnlySpan<byte> record)
    {
        // The count has no marker of its own: only a size that fits it tells the map from a form that is not known here.
        if (record.Length <= ExtendedSize || record[BaseSize] > MaxE820Entries || record.Length != SizeWithE820(record[BaseSize]))
        {
            return [];
        }

        var entries = new E820Entry[record[BaseSize]];
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = record.Slice(SizeWithE820(i), E820Length);
            entries[i] = new E820Entry(
                BinaryPrimitives.ReadUInt64LittleEndian(entry),
                BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]),
                BinaryPrimitives.ReadUInt32LittleEndian(entry[16..]));
        }

        return entries;
    }

    private static ulong? NullIfZero(ulong value) => value == 0 ? null : value;

    private void WriteExtension(Span<byte> record)
    {
        if (E820.Count > 0)
        {
            record[BaseSize] = (byte)E820.Count;
            for (var i = 0; i < E820.Count; i++)
            {
                var entry = record.Slice(SizeWithE820(i), E820Length);
                BinaryPrimitives.WriteUInt64LittleEndian(entry, E820[i].Address);
                BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], E820[i].Length);
                BinaryPrimitives.WriteUInt32LittleEndian(entry[16..], E820[i].Type);
            }
        }
        else if (record.Length == ExtendedSize)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(record[BaseSize..], MaxGpa ?? 0);
        }
    }
}
