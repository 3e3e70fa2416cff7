using System.Buffers.Binary;
using Kvmi.Guest.Memory;
using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Paging;

/// <summary>
/// Guest-virtual to guest-physical with the page tables of one vCPU (Intel SDM volume 3, chapter 5): no paging, 32-bit,
/// PAE, 4-level and 5-level, with large pages. Access rights are not checked. A walk reads at most five entries, whatever
/// the tables hold, and allocates nothing.
/// </summary>
public static class PageWalker
{
    private const ulong Cr0Paging = 1UL << 31;
    private const ulong Cr4PageSizeExtension = 1UL << 4;
    private const ulong Cr4PhysicalAddressExtension = 1UL << 5;
    private const ulong Cr4FiveLevels = 1UL << 12;
    private const ulong EferLongModeActive = 1UL << 10;
    private const ulong Present = 1;
    private const ulong LargePage = 1UL << 7;
    private const ulong FrameMask = 0x000F_FFFF_FFFF_F000;

    /// <summary>Translates an address.</summary>
    /// <param name="memory">Where the tables are read from.</param>
    /// <param name="sregs">CR0, CR3, CR4 and EFER of the vCPU.</param>
    /// <param name="gva">The linear address.</param>
    /// <param name="gpa">The guest-physical address; 0 unless mapped.</param>
    public static TranslationStatus Translate<TMemory>(TMemory memory, in KvmSregs sregs, ulong gva, out ulong gpa)
        where TMemory : IPhysicalMemory
    {
        gpa = 0;
        if ((sregs.Cr0 & Cr0Paging) == 0)
        {
            if (gva > uint.MaxValue)
            {
                return TranslationStatus.NotCanonical;
            }

            gpa = gva;
            return TranslationStatus.Mapped;
        }

        if ((sregs.Efer & EferLongModeActive) != 0)
        {
            var levels = (sregs.Cr4 & Cr4FiveLevels) != 0 ? 5 : 4;
            var unused = 64 - (12 + (9 * levels));
            if ((ulong)((long)(gva << unused) >> unused) != gva)
            {
                return TranslationStatus.NotCanonical;
            }

            return WalkWide(memory, sregs.Cr3 & FrameMask, levels, 9, gva, out gpa);
        }

        if (gva > uint.MaxValue)
        {
            return TranslationStatus.NotCanonical;
        }

        return (sregs.Cr4 & Cr4PhysicalAddressExtension) != 0
            ? WalkWide(memory, sregs.Cr3 & 0xFFFF_FFE0, 3, 2, gva, out gpa)
            : WalkNarrow(memory, in sregs, (uint)gva, out gpa);
    }

    private static TranslationStatus WalkWide<TMemory>(TMemory memory, ulong table, int levels, int topBits, ulong gva, out ulong gpa)
        where TMemory : IPhysicalMemory
    {
        gpa = 0;
        Span<byte> entryBytes = stackalloc byte[8];
        for (var level = levels; level >= 1; level--)
        {
            var shift = 12 + (9 * (level - 1));
            var index = (gva >> shift) & ((1UL << (level == levels ? topBits : 9)) - 1);
            if (!memory.TryRead(table + (index * 8), entryBytes))
            {
                return TranslationStatus.Unreadable;
            }

            var entry = BinaryPrimitives.ReadUInt64LittleEndian(entryBytes);
            if ((entry & Present) == 0)
            {
                return TranslationStatus.NotPresent;
            }

            // Bit 7 means PAT in a 4 KiB entry, a large page in the two levels above, and is reserved above those.
            var large = level > 1 && (entry & LargePage) != 0;
            if (large && (level > 3 || levels == 3 && level == 3))
            {
                return TranslationStatus.Malformed;
            }

            if (large || level == 1)
            {
                var offsetMask = (1UL << shift) - 1;
                gpa = (entry & FrameMask & ~offsetMask) | (gva & offsetMask);
                return TranslationStatus.Mapped;
            }

            table = entry & FrameMask;
        }

        return TranslationStatus.NotPresent;
    }

    private static TranslationStatus WalkNarrow<TMemory>(TMemory memory, in KvmSregs sregs, uint gva, out ulong gpa)
        where TMemory : IPhysicalMemory
    {
        gpa = 0;
        Span<byte> entryBytes = stackalloc byte[4];
        if (!memory.TryRead((sregs.Cr3 & 0xFFFF_F000) + ((gva >> 22) * 4), entryBytes))
        {
            return TranslationStatus.Unreadable;
        }

        var directory = BinaryPrimitives.ReadUInt32LittleEndian(entryBytes);
        if ((directory & Present) == 0)
        {
            return TranslationStatus.NotPresent;
        }

        if ((directory & LargePage) != 0 && (sregs.Cr4 & Cr4PageSizeExtension) != 0)
        {
            // PSE-36: bits 13 to 20 of the entry are bits 32 to 39 of the address.
            gpa = (directory & 0xFFC0_0000) | ((ulong)((directory >> 13) & 0xFF) << 32) | (gva & 0x3F_FFFF);
            return TranslationStatus.Mapped;
        }

        if (!memory.TryRead((directory & 0xFFFF_F000) + (((gva >> 12) & 0x3FF) * 4), entryBytes))
        {
            return TranslationStatus.Unreadable;
        }

        var entry = BinaryPrimitives.ReadUInt32LittleEndian(entryBytes);
        if ((entry & Present) == 0)
        {
            return TranslationStatus.NotPresent;
        }

        gpa = (entry & 0xFFFF_F000) | (gva & 0xFFF);
        return TranslationStatus.Mapped;
    }
}
