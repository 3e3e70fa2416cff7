using System.Diagnostics.CodeAnalysis;
using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine.Model;

/// <content>4-level paging (Intel SDM volume 3, 4.5 and 4.6) and a small TLB. The second level behind it is in SecondLevel.</content>
internal sealed partial class ModelVcpu
{
    private const int TlbSlots = 512;
    private const ulong NotTranslated = ulong.MaxValue;

    private const ulong EntryPresent = 1UL << 0;
    private const ulong EntryWritable = 1UL << 1;
    private const ulong EntryUser = 1UL << 2;
    private const ulong EntryAccessed = 1UL << 5;
    private const ulong EntryDirty = 1UL << 6;
    private const ulong EntryLarge = 1UL << 7;
    private const ulong EntryNoExecute = 1UL << 63;

    // Bits 52 to 62 are ignored by the CPU; between the physical address and them all bits are reserved.
    private const ulong EntryReserved = 0x000F_FFFF_FFFF_FFFFUL & ~ControlBits.PhysicalAddressMask;

    private const uint ErrorPresent = 1;
    private const uint ErrorWrite = 2;
    private const uint ErrorUser = 4;
    private const uint ErrorReserved = 8;
    private const uint ErrorFetch = 16;

    private readonly TlbEntry[] _tlb = new TlbEntry[TlbSlots];
    private uint _tlbGeneration;

    // In the order of the bits of PageAccess.
    private enum AccessKind
    {
        Read,
        Write,
        Fetch,
    }

    public bool TryTranslate(ulong gva, out ulong gpa)
    {
        gpa = NotTranslated;
        if ((_cr0 & ControlBits.Cr0Pg) == 0)
        {
            gpa = gva;
            return true;
        }

        if (!ControlBits.IsCanonical(gva)) return false;
        var table = _cr3 & ControlBits.PhysicalAddressMask & ~0xFFFUL;
        Span<byte> bytes = stackalloc byte[8];
        for (var level = 3; ; level--)
        {
            if (!_machine.Memory.TryRead(table + EntryOffset(gva, level), bytes)) return false;
            var entry = BitConverter.ToUInt64(bytes);
            if ((entry & EntryPresent) == 0 || IsReserved(entry, level)) return false;
            if (IsLeaf(entry, level))
            {
                gpa = LeafBase(entry, level) | (gva & PageMask(level));
                return true;
            }

            table = entry & ControlBits.PhysicalAddressMask & ~0xFFFUL;
        }
    }

    private static ulong EntryOffset(ulong gva, int level) => ((gva >> (12 + (9 * level))) & 0x1FF) * 8;

    private static bool IsLeaf(ulong entry, int level) => level == 0 || (level < 3 && (entry & EntryLarge) != 0);

    private static ulong PageMask(int level) => (1UL << (12 + (9 * level))) - 1;

    private static ulong LeafBase(ulong entry, int level) => entry & ControlBits.PhysicalAddressMask & ~PageMask(level);

    private bool IsReserved(ulong entry, int level)
    {
        var reserved = EntryReserved;
        if ((_efer & ControlBits.EferNxe) == 0) reserved |= EntryNoExecute;
        if (level == 3) reserved |= EntryLarge;

        // A large page keeps PAT in bit 12; the address bits below its size must be zero.
        else if (level > 0 && (entry & EntryLarge) != 0) reserved |= PageMask(level) & ~0x1FFFUL;
        return (entry & reserved) != 0;
    }

    private void FlushTlb()
    {
        if (++_tlbGeneration != 0) return;

        // After 4 billion flushes old entries would look current.
        Array.Clear(_tlb);
        _tlbGeneration = 1;
    }

    private void FlushTlb(ulong gva) => _tlb[(gva >> 12) & (TlbSlots - 1)] = default;

    private bool TranslateFetch(ulong gva, [NotNullWhen(true)] out Frame? frame)
    {
        if (!ControlBits.IsCanonical(gva))
        {
            frame = null;
            return RaiseGeneralProtection();
        }

        if (!Translate(gva, AccessKind.Fetch, _cpl == 3, false, 1, out frame)) return false;

        // No instruction comes out of a hole in memory.
        return frame is not null || RaiseInvalidOpcode();
    }

    /// <summary>
    /// Translates one access that stays within a page and checks all rights. The frame is null where there is no memory. An implicit access
    /// is one of the CPU's own (descriptor tables, TSS): RFLAGS.AC does not excuse it from SMAP.
    /// </summary>
    private bool Translate(ulong gva, AccessKind kind, bool asUser, bool isImplicit, int size, out Frame? frame)
    {
        ref var cached = ref _tlb[(gva >> 12) & (TlbSlots - 1)];
        if (cached.Generation != _tlbGeneration || cached.Page != gva >> 12 || (kind == AccessKind.Write && !cached.Dirty))
        {
            if (!Walk(gva, kind, asUser, isImplicit, ref cached))
            {
                frame = null;
                return false;
            }
        }
        else if (!IsPermitted(cached.Rights, kind, asUser, isImplicit))
        {
            frame = null;
            return RaisePageFault(gva, kind, asUser, ErrorPresent);
        }

        frame = cached.Frame;
        if (frame is null) return true;
        var wanted = (byte)(1 << (int)kind);
        return (frame.EffectiveIn(_viewShift) & (wanted | Frame.Replaced)) == wanted || EnterSecondLevel(gva, (PageAccess)wanted, size, false, ref frame);
    }

    private bool Walk(ulong gva, AccessKind kind, bool asUser, bool isImplicit, ref TlbEntry cached)
    {
        Span<ulong> addresses = stackalloc ulong[4];
        Span<ulong> entries = stackalloc ulong[4];
        var table = _cr3 & ControlBits.PhysicalAddressMask & ~0xFFFUL;
        var rights = EntryWritable | EntryUser;
        var level = 3;
        while (true)
        {
            addresses[level] = table + EntryOffset(gva, level);
            if (!ReadEntry(gva, addresses[level], out entries[level])) return false;
            var entry = entries[level];
            if ((entry & EntryPresent) == 0) return RaisePageFault(gva, kind, asUser, 0);
            if (IsReserved(entry, level)) return RaisePageFault(gva, kind, asUser, ErrorPresent | ErrorReserved);
            rights &= entry | EntryNoExecute;
            rights |= entry & EntryNoExecute;
            if (IsLeaf(entry, level)) break;
            table = entry & ControlBits.PhysicalAddressMask & ~0xFFFUL;
            level--;
        }

        if (!IsPermitted(rights, kind, asUser, isImplicit)) return RaisePageFault(gva, kind, asUser, ErrorPresent);
        for (var upper = 3; upper >= level; upper--)
        {
            var marks = upper == level && kind == AccessKind.Write ? EntryAccessed | EntryDirty : EntryAccessed;
            if ((entries[upper] & marks) != marks && !MarkEntry(gva, addresses[upper], marks)) return false;
        }

        var gpa = LeafBase(entries[level], level) | (gva & PageMask(level));
        _machine.Memory.TryGetFrame(gpa, out var frame);
        cached = new TlbEntry
        {
            Page = gva >> 12,
            Generation = _tlbGeneration,
            Dirty = kind == AccessKind.Write || (entries[level] & EntryDirty) != 0,
            Rights = rights,
            Frame = frame,
        };
        return true;
    }

    private bool ReadEntry(ulong gva, ulong gpa, out ulong entry)
    {
        // A table outside memory reads as all ones, as an empty bus does: the reserved bits then make a page fault of it.
        entry = ulong.MaxValue;
        if (!_machine.Memory.TryGetFrame(gpa, out var frame)) return true;
        if (!EnterTable(gva, gpa, PageAccess.Read, ref frame)) return false;
        entry = Volatile.Read(ref EntryOf(frame, gpa));
        return true;
    }

    private bool MarkEntry(ulong gva, ulong gpa, ulong marks)
    {
        if (!_machine.Memory.TryGetFrame(gpa, out var frame)) return true;
        if (!EnterTable(gva, gpa, PageAccess.Write, ref frame)) return false;
        Interlocked.Or(ref EntryOf(frame, gpa), marks);
        frame.Touch();
        return true;
    }

    private static ref ulong EntryOf(Frame frame, ulong gpa) =>
        ref System.Runtime.CompilerServices.Unsafe.As<byte, ulong>(ref frame.Data[gpa & (PhysicalMemory.PageSize - 8)]);

    private bool IsPermitted(ulong rights, AccessKind kind, bool asUser, bool isImplicit)
    {
        var isUserPage = (rights & EntryUser) != 0;
        if (asUser && !isUserPage) return false;
        if (kind == AccessKind.Fetch)
        {
            if ((rights & EntryNoExecute) != 0) return false;
            return asUser || !isUserPage || (_cr4 & ControlBits.Cr4Smep) == 0;
        }

        if (!asUser && isUserPage && (_cr4 & ControlBits.Cr4Smap) != 0 && (isImplicit || (_flags & Flags.AlignmentCheck) == 0)) return false;
        return kind == AccessKind.Read || (rights & EntryWritable) != 0 || (!asUser && (_cr0 & ControlBits.Cr0Wp) == 0);
    }

    private bool RaisePageFault(ulong gva, AccessKind kind, bool asUser, uint error)
    {
        if (kind == AccessKind.Write) error |= ErrorWrite;
        if (asUser) error |= ErrorUser;
        var tellsFetch = (_efer & ControlBits.EferNxe) != 0 || (_cr4 & ControlBits.Cr4Smep) != 0;
        if (kind == AccessKind.Fetch && tellsFetch) error |= ErrorFetch;
        return Raise(ExceptionVector.PageFault, error, gva);
    }

    private struct TlbEntry
    {
        public ulong Page;
        public ulong Rights;
        public Frame? Frame;
        public uint Generation;
        public bool Dirty;
    }
}
