using Kvmi.Guest.Paging;
using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Tests.Paging;

/// <summary>A page walk written from the tables of the manual, one paging mode after the other, over a function that gives an entry or null.</summary>
internal static class NaiveWalker
{
    public static (TranslationStatus Status, ulong Gpa) Translate(Func<ulong, int, ulong?> read, in KvmSregs sregs, ulong gva)
    {
        var nx = Bit(sregs.Efer, 11);
        if (!Bit(sregs.Cr0, 31))
        {
            return gva >> 32 == 0 ? (TranslationStatus.Mapped, gva) : (TranslationStatus.NotCanonical, 0);
        }

        if (Bit(sregs.Efer, 10))
        {
            return Long(read, sregs.Cr3 & 0xFFFFFFFFFF000, Bit(sregs.Cr4, 12) ? 5 : 4, nx, gva);
        }

        if (gva >> 32 != 0)
        {
            return (TranslationStatus.NotCanonical, 0);
        }

        return Bit(sregs.Cr4, 5) ? Pae(read, sregs.Cr3 & 0xFFFFFFE0, nx, gva) : Narrow(read, sregs.Cr3 & 0xFFFFF000, Bit(sregs.Cr4, 4), gva);
    }

    private static (TranslationStatus Status, ulong Gpa) Long(Func<ulong, int, ulong?> read, ulong table, int levels, bool nx, ulong gva)
    {
        var top = gva >> (levels == 5 ? 56 : 47);
        if (top != 0 && top != (levels == 5 ? 0xFFUL : 0x1FFFF))
        {
            return (TranslationStatus.NotCanonical, 0);
        }

        ulong[] indexes = [(gva >> 12) & 511, (gva >> 21) & 511, (gva >> 30) & 511, (gva >> 39) & 511, (gva >> 48) & 511];
        for (var level = levels - 1; level >= 0; level--)
        {
            if (read(table + (indexes[level] * 8), 8) is not { } entry)
            {
                return (TranslationStatus.Unreadable, 0);
            }

            if (!Bit(entry, 0))
            {
                return (TranslationStatus.NotPresent, 0);
            }

            if ((Bit(entry, 63) && !nx) || (Bit(entry, 7) && level > 2))
            {
                return (TranslationStatus.Malformed, 0);
            }

            if (level == 0)
            {
                return (TranslationStatus.Mapped, Bits(entry, 12, 51) | Bits(gva, 0, 11));
            }

            if (Bit(entry, 7))
            {
                return level == 1
                    ? Leaf(Bits(entry, 13, 20), Bits(entry, 21, 51) | Bits(gva, 0, 20))
                    : Leaf(Bits(entry, 13, 29), Bits(entry, 30, 51) | Bits(gva, 0, 29));
            }

            table = Bits(entry, 12, 51);
        }

        throw new InvalidOperationException("There is always a leaf.");
    }

    private static (TranslationStatus Status, ulong Gpa) Pae(Func<ulong, int, ulong?> read, ulong root, bool nx, ulong gva)
    {
        if (read(root + (Bits(gva, 30, 31) >> 27), 8) is not { } pointer)
        {
            return (TranslationStatus.Unreadable, 0);
        }

        if (!Bit(pointer, 0))
        {
            return (TranslationStatus.NotPresent, 0);
        }

        if ((Bits(pointer, 1, 2) | Bits(pointer, 5, 8) | Bits(pointer, 52, 63)) != 0)
        {
            return (TranslationStatus.Malformed, 0);
        }

        if (read(Bits(pointer, 12, 51) + (Bits(gva, 21, 29) >> 18), 8) is not { } directory)
        {
            return (TranslationStatus.Unreadable, 0);
        }

        if (!Bit(directory, 0))
        {
            return (TranslationStatus.NotPresent, 0);
        }

        if (Bits(directory, 52, 62) != 0 || (Bit(directory, 63) && !nx))
        {
            return (TranslationStatus.Malformed, 0);
        }

        if (Bit(directory, 7))
        {
            return Leaf(Bits(directory, 13, 20), Bits(directory, 21, 51) | Bits(gva, 0, 20));
        }

        if (read(Bits(directory, 12, 51) + (Bits(gva, 12, 20) >> 9), 8) is not { } entry)
        {
            return (TranslationStatus.Unreadable, 0);
        }

        if (!Bit(entry, 0))
        {
            return (TranslationStatus.NotPresent, 0);
        }

        return Leaf(Bits(entry, 52, 62) | (nx ? 0 : Bits(entry, 63, 63)), Bits(entry, 12, 51) | Bits(gva, 0, 11));
    }

    private static (TranslationStatus Status, ulong Gpa) Narrow(Func<ulong, int, ulong?> read, ulong root, bool large, ulong gva)
    {
        if (read(root + (Bits(gva, 22, 31) >> 20), 4) is not { } directory)
        {
            return (TranslationStatus.Unreadable, 0);
        }

        if (!Bit(directory, 0))
        {
            return (TranslationStatus.NotPresent, 0);
        }

        if (large && Bit(directory, 7))
        {
            return Leaf(Bits(directory, 21, 21), Bits(directory, 22, 31) | (Bits(directory, 13, 20) << 19) | Bits(gva, 0, 21));
        }

        if (read(Bits(directory, 12, 31) + (Bits(gva, 12, 21) >> 10), 4) is not { } entry)
        {
            return (TranslationStatus.Unreadable, 0);
        }

        return Bit(entry, 0) ? (TranslationStatus.Mapped, Bits(entry, 12, 31) | Bits(gva, 0, 11)) : (TranslationStatus.NotPresent, 0);
    }

    private static (TranslationStatus Status, ulong Gpa) Leaf(ulong reserved, ulong gpa) =>
        reserved == 0 ? (TranslationStatus.Mapped, gpa) : (TranslationStatus.Malformed, 0);

    private static bool Bit(ulong value, int bit) => ((value >> bit) & 1) != 0;

    private static ulong Bits(ulong value, int first, int last) => value & (ulong.MaxValue << first) & (ulong.MaxValue >> (63 - last));
}
