using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Kvmi.Simulator.Machine.Model;

/// <content>Reads and writes of guest-virtual memory. A false result means: a fault or an exit was noted, nothing has changed.</content>
internal sealed partial class ModelVcpu
{
    private const int PageOffsetMask = PhysicalMemory.PageSize - 1;

    // Other bytes than memory holds, for the one instruction that CompletePageAccess emulates.
    private readonly byte[] _context = new byte[256];
    private ulong _contextGva;
    private int _contextLength;

    private bool Read(ulong gva, int size, out ulong value) => Read(gva, size, _cpl == 3, false, out value);

    private bool Write(ulong gva, int size, ulong value) => Write(gva, size, value, _cpl == 3, false);

    /// <summary>Reads as the CPU itself does: descriptor tables and the TSS, with supervisor rights at any privilege level.</summary>
    private bool ReadSystem(ulong gva, int size, out ulong value)
    {
        value = 0;
        return (ControlBits.IsCanonical(gva) || RaiseGeneralProtection()) && Read(gva, size, false, true, out value);
    }

    private bool Read(ulong gva, int size, bool asUser, bool isImplicit, out ulong value)
    {
        value = 0;
        var offset = (int)(gva & PageOffsetMask);
        if (offset + size > PhysicalMemory.PageSize) return ReadAcrossPages(gva, size, asUser, isImplicit, out value);
        if (!Translate(gva, AccessKind.Read, asUser, isImplicit, size, out var frame)) return false;
        value = Load(frame, offset, size);
        if (_contextLength != 0) value = OverlayContext(gva, size, value);
        if (_readsLength != _readsUsed) value = TakeReads(frame, size, value);
        return true;
    }

    private bool Write(ulong gva, int size, ulong value, bool asUser, bool isImplicit)
    {
        var offset = (int)(gva & PageOffsetMask);
        if (offset + size > PhysicalMemory.PageSize) return WriteAcrossPages(gva, size, value, asUser, isImplicit);
        if (!Translate(gva, AccessKind.Write, asUser, isImplicit, size, out var frame)) return false;
        Store(frame, offset, size, value);
        return true;
    }

    private bool ReadAcrossPages(ulong gva, int size, bool asUser, bool isImplicit, out ulong value)
    {
        value = 0;
        for (var index = 0; index < size; index++)
        {
            if (!Read(gva + (ulong)index, 1, asUser, isImplicit, out var part)) return false;
            value |= part << (index * 8);
        }

        return true;
    }

    private bool WriteAcrossPages(ulong gva, int size, ulong value, bool asUser, bool isImplicit)
    {
        // Both pages are checked before a byte changes, so that the instruction can be started again.
        var first = PhysicalMemory.PageSize - (int)(gva & PageOffsetMask);
        if (!Translate(gva, AccessKind.Write, asUser, isImplicit, first, out var low)) return false;
        if (!Translate(gva + (ulong)first, AccessKind.Write, asUser, isImplicit, size - first, out var high)) return false;
        for (var index = 0; index < size; index++)
        {
            var isLow = index < first;
            Store(isLow ? low : high, isLow ? PhysicalMemory.PageSize - first + index : index - first, 1, value >> (index * 8));
        }

        return true;
    }

    private ulong OverlayContext(ulong gva, int size, ulong value)
    {
        for (var index = 0; index < size; index++)
        {
            var at = gva + (ulong)index - _contextGva;
            if (at >= (ulong)_contextLength) continue;
            var shift = index * 8;
            value = (value & ~(0xFFUL << shift)) | ((ulong)_context[at] << shift);
        }

        return value;
    }

    private static ulong Load(Frame? frame, int offset, int size)
    {
        // An empty bus reads as ones.
        if (frame is null) return Alu.Mask(size);
        ref var at = ref frame.Data[offset];
        return size switch
        {
            1 => at,
            2 => Unsafe.ReadUnaligned<ushort>(ref at),
            4 => Unsafe.ReadUnaligned<uint>(ref at),
            8 => Unsafe.ReadUnaligned<ulong>(ref at),
            _ => LoadBytes(frame.Data.AsSpan(offset, size)),
        };
    }

    private static ulong LoadBytes(ReadOnlySpan<byte> bytes)
    {
        Span<byte> whole = stackalloc byte[8];
        whole.Clear();
        bytes.CopyTo(whole);
        return BinaryPrimitives.ReadUInt64LittleEndian(whole);
    }

    private static void Store(Frame? frame, int offset, int size, ulong value)
    {
        if (frame is null) return;
        ref var at = ref frame.Data[offset];
        switch (size)
        {
            case 1:
                at = (byte)value;
                break;
            case 2:
                Unsafe.WriteUnaligned(ref at, (ushort)value);
                break;
            case 4:
                Unsafe.WriteUnaligned(ref at, (uint)value);
                break;
            default:
                Unsafe.WriteUnaligned(ref at, value);
                break;
        }

        frame.Touch();
    }
}
