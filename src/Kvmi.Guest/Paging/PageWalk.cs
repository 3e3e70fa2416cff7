using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Paging;

/// <summary>
/// One walk, entry by entry (Intel SDM volume 3, 5.3 to 5.5): it says which entry it needs, and is given it. So many walks can ask for theirs
/// together. It needs at most five entries, whatever they hold.
/// </summary>
internal struct PageWalk
{
    private const ulong Cr0Paging = 1UL << 31;
    private const ulong Cr4PageSizeExtension = 1UL << 4;
    private const ulong Cr4PhysicalAddressExtension = 1UL << 5;
    private const ulong Cr4FiveLevels = 1UL << 12;
    private const ulong EferLongModeActive = 1UL << 10;
    private const ulong EferNoExecute = 1UL << 11;
    private const ulong Present = 1;
    private const ulong LargePage = 1UL << 7;
    private const ulong FrameMask = 0x000F_FFFF_FFFF_F000;
    private const ulong NoExecute = 1UL << 63;
    private const int LargestPageLevel = 3;

    // PAE: what is ignored in the long modes has to be zero there; its page-directory-pointer entries have no rights either.
    private const ulong PaeReserved = 0x7FF0_0000_0000_0000;
    private const ulong PaePointerReserved = 0xFFF0_0000_0000_01E6;

    // PAT is where the address of a small page begins.
    private const ulong LargePat = 1UL << 12;
    private const uint LargeNarrowReserved = 1U << 21;

    private readonly ulong _gva;
    private readonly Mode _mode;
    private readonly ulong _reserved;
    private int _level;

    /// <summary>Begins the walk to an address. What needs no entry has ended by then.</summary>
    /// <param name="sregs">CR0, CR3, CR4 and EFER of the vCPU.</param>
    /// <param name="gva">The linear address.</param>
    public PageWalk(in KvmSregs sregs, ulong gva)
    {
        _gva = gva;
        Status = TranslationStatus.NotCanonical;
        if ((sregs.Cr0 & Cr0Paging) == 0)
        {
            if (gva <= uint.MaxValue)
            {
                End(TranslationStatus.Mapped, gva);
            }
        }
        else if ((sregs.Efer & EferLongModeActive) != 0)
        {
            var levels = (sregs.Cr4 & Cr4FiveLevels) != 0 ? 5 : 4;
            var unused = 64 - (12 + (9 * levels));
            if ((ulong)((long)(gva << unused) >> unused) == gva)
            {
                _mode = Mode.Long;
                _reserved = (sregs.Efer & EferNoExecute) != 0 ? 0 : NoExecute;
                Enter(levels, sregs.Cr3 & FrameMask);
            }
        }
        else if (gva <= uint.MaxValue && (sregs.Cr4 & Cr4PhysicalAddressExtension) != 0)
        {
            _mode = Mode.Pae;
            _reserved = PaeReserved | ((sregs.Efer & EferNoExecute) != 0 ? 0 : NoExecute);
            Enter(3, sregs.Cr3 & 0xFFFF_FFE0);
        }
        else if (gva <= uint.MaxValue)
        {
            _mode = (sregs.Cr4 & Cr4PageSizeExtension) != 0 ? Mode.NarrowLarge : Mode.Narrow;
            Enter(2, sregs.Cr3 & 0xFFFF_F000);
        }
    }

    private enum Mode : byte
    {
        Long,
        Pae,
        Narrow,
        NarrowLarge,
    }

    /// <summary>True while the entry at <see cref="EntryGpa"/> is needed.</summary>
    public readonly bool NeedsEntry => _level > 0;

    /// <summary>Guest-physical address of the entry; it never crosses a page.</summary>
    public ulong EntryGpa { get; private set; }

    /// <summary>Bytes of the entry: 8, or 4 in 32-bit paging.</summary>
    public readonly int EntrySize => _mode is Mode.Narrow or Mode.NarrowLarge ? 4 : 8;

    /// <summary>How it ended; only of use when no entry is needed any more.</summary>
    public TranslationStatus Status { get; private set; }

    /// <summary>The guest-physical address; 0 unless mapped.</summary>
    public ulong Gpa { get; private set; }

    /// <summary>The entry cannot be read.</summary>
    public void Fail() => End(TranslationStatus.Unreadable, 0);

    /// <summary>Takes the entry.</summary>
    public void Take(ulong entry)
    {
        if ((entry & Present) == 0)
        {
            End(TranslationStatus.NotPresent, 0);
        }
        else if (_mode is Mode.Narrow or Mode.NarrowLarge)
        {
            TakeNarrow((uint)entry);
        }
        else
        {
            TakeWide(entry);
        }
    }

    private void TakeWide(ulong entry)
    {
        var isPointer = _mode == Mode.Pae && _level == 3;

        // Bit 7 means PAT in a 4 KiB entry, a large page in the two levels above, and is reserved above those.
        var large = _level > 1 && (entry & LargePage) != 0;
        var offsetMask = (1UL << Shift(_level)) - 1;
        if ((entry & (isPointer ? PaePointerReserved : _reserved)) != 0
            || (large && _level > LargestPageLevel)
            || (large && (entry & FrameMask & offsetMask & ~LargePat) != 0))
        {
            End(TranslationStatus.Malformed, 0);
        }
        else if (large || _level == 1)
        {
            End(TranslationStatus.Mapped, (entry & FrameMask & ~offsetMask) | (_gva & offsetMask));
        }
        else
        {
            Enter(_level - 1, entry & FrameMask);
        }
    }

    private void TakeNarrow(uint entry)
    {
        if (_level == 1)
        {
            End(TranslationStatus.Mapped, (entry & 0xFFFF_F000) | (_gva & 0xFFF));
        }
        else if (_mode == Mode.NarrowLarge && (entry & LargePage) != 0)
        {
            // PSE-36: bits 13 to 20 of the entry are bits 32 to 39 of the address.
            var gpa = (entry & 0xFFC0_0000) | ((ulong)((entry >> 13) & 0xFF) << 32) | (_gva & 0x3F_FFFF);
            End((entry & LargeNarrowReserved) == 0 ? TranslationStatus.Mapped : TranslationStatus.Malformed, gpa);
        }
        else
        {
            Enter(1, entry & 0xFFFF_F000);
        }
    }

    private void Enter(int level, ulong table)
    {
        _level = level;
        EntryGpa = _mode switch
        {
            Mode.Long => table + (((_gva >> Shift(level)) & 0x1FF) * 8),
            Mode.Pae => table + (((_gva >> Shift(level)) & (level == 3 ? 3UL : 0x1FF)) * 8),
            _ => table + (((_gva >> (12 + (10 * (level - 1)))) & 0x3FF) * 4),
        };
    }

    private void End(TranslationStatus status, ulong gpa)
    {
        _level = 0;
        Status = status;
        Gpa = status == TranslationStatus.Mapped ? gpa : 0;
    }

    private static int Shift(int level) => 12 + (9 * (level - 1));
}
