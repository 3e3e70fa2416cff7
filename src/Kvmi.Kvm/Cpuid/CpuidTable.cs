using System.Buffers.Binary;
using Kvmi.Kvm.Native;

namespace Kvmi.Kvm.Cpuid;

/// <summary>
/// struct kvm_cpuid2: a count and that many entries. The kernel answers E2BIG to a count that is too small; to one that is too
/// large it answers with the right count, some versions with ENOMEM (Documentation/virt/kvm/api.rst, KVM_GET_EMULATED_CPUID).
/// </summary>
internal static class CpuidTable
{
    /// <summary>Entries that are made room for at first; x86 hosts of today give about 80.</summary>
    public const int DefaultCount = 128;

    /// <summary>Entries that are made room for at most: four times the kernel's own limit of 256.</summary>
    public const int MaxCount = 1024;

    private const int HeaderLength = 8;
    private const int EntryLength = 40;

    /// <summary>Makes the call on a buffer; gives 0 or the error number.</summary>
    public delegate int Call(Span<byte> buffer);

    /// <summary>Reads a table, with more room each time as the kernel asks for it.</summary>
    /// <param name="request">Name of the call, for messages.</param>
    /// <param name="firstCount">Entries at first.</param>
    /// <param name="call">The call.</param>
    /// <exception cref="KvmException">The kernel refused, or more than <see cref="MaxCount"/> entries are wanted.</exception>
    public static CpuidEntry[] Read(string request, int firstCount, Call call)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(firstCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstCount, MaxCount);
        var count = firstCount;
        var shrunk = false;
        while (true)
        {
            // Zeroed: the kernel answers EINVAL when the padding of an entry that it was given is not zero.
            var buffer = new byte[HeaderLength + (count * EntryLength)];
            BinaryPrimitives.WriteInt32LittleEndian(buffer, count);
            var errno = call(buffer);
            var answered = BinaryPrimitives.ReadUInt32LittleEndian(buffer);
            switch (errno)
            {
                case 0 when answered <= count:
                    return Decode(buffer, (int)answered);
                case 0:
                    throw new KvmException(request, Errno.TooBig, $"the kernel says {answered} entries, there was room for {count}");
                case Errno.TooBig when !shrunk && count < MaxCount:
                    count = Math.Min(count * 2, MaxCount);
                    continue;
                case Errno.NoMemory when !shrunk && answered > 0 && answered < count:
                    // Once only: a kernel that changes its mind back and forth must not hold us.
                    shrunk = true;
                    count = (int)answered;
                    continue;
                default:
                    throw new KvmException(request, errno);
            }
        }
    }

    /// <summary>The structure with these entries.</summary>
    /// <exception cref="ArgumentException">There are more than <see cref="MaxCount"/>.</exception>
    public static byte[] Encode(IReadOnlyList<CpuidEntry> entries)
    {
        if (entries.Count > MaxCount)
        {
            throw new ArgumentException($"At most {MaxCount} CPUID entries can be given, not {entries.Count}.", nameof(entries));
        }

        var buffer = new byte[HeaderLength + (entries.Count * EntryLength)];
        BinaryPrimitives.WriteInt32LittleEndian(buffer, entries.Count);
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            var target = buffer.AsSpan(HeaderLength + (i * EntryLength));
            ReadOnlySpan<uint> words = [entry.Function, entry.Index, entry.Flags, entry.Eax, entry.Ebx, entry.Ecx, entry.Edx];
            for (var word = 0; word < words.Length; word++)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(target[(word * 4)..], words[word]);
            }
        }

        return buffer;
    }

    private static CpuidEntry[] Decode(ReadOnlySpan<byte> buffer, int count)
    {
        var entries = new CpuidEntry[count];
        for (var i = 0; i < count; i++)
        {
            var source = buffer.Slice(HeaderLength + (i * EntryLength), EntryLength);
            entries[i] = new CpuidEntry(
                Word(source, 0), Word(source, 1), Word(source, 2), Word(source, 3), Word(source, 4), Word(source, 5), Word(source, 6));
        }

        return entries;
    }

    private static uint Word(ReadOnlySpan<byte> source, int index) => BinaryPrimitives.ReadUInt32LittleEndian(source[(index * 4)..]);
}
