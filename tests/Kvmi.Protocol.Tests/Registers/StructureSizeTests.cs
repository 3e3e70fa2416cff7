using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Tests.Registers;

public sealed class StructureSizeTests
{
    [Fact]
    public void Structures_have_the_kernels_sizes()
    {
        Assert.Equal((144, 144, 144), (Unsafe.SizeOf<KvmRegs>(), Marshal.SizeOf<KvmRegs>(), KvmRegs.Length));
        Assert.Equal((312, 312, 312), (Unsafe.SizeOf<KvmSregs>(), Marshal.SizeOf<KvmSregs>(), KvmSregs.Length));
        Assert.Equal((72, 72, 72), (Unsafe.SizeOf<KvmEventMsrs>(), Marshal.SizeOf<KvmEventMsrs>(), KvmEventMsrs.Length));
        Assert.Equal((24, 24), (Unsafe.SizeOf<KvmSegment>(), Marshal.SizeOf<KvmSegment>()));
        Assert.Equal((16, 16), (Unsafe.SizeOf<KvmDtable>(), Marshal.SizeOf<KvmDtable>()));
    }

    // Offsets of kvmi-later-dialects.md 3.8.
    [Theory]
    [InlineData(typeof(KvmRegs), nameof(KvmRegs.Rsp), 48)]
    [InlineData(typeof(KvmRegs), nameof(KvmRegs.R8), 64)]
    [InlineData(typeof(KvmRegs), nameof(KvmRegs.Rip), 128)]
    [InlineData(typeof(KvmRegs), nameof(KvmRegs.Rflags), 136)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.Ss), 120)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.Tr), 144)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.Ldt), 168)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.Gdt), 192)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.Idt), 208)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.Cr0), 224)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.Cr3), 240)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.Efer), 264)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.ApicBase), 272)]
    [InlineData(typeof(KvmSregs), nameof(KvmSregs.InterruptBitmap0), 280)]
    [InlineData(typeof(KvmSegment), nameof(KvmSegment.Selector), 12)]
    [InlineData(typeof(KvmSegment), nameof(KvmSegment.Dpl), 16)]
    [InlineData(typeof(KvmSegment), nameof(KvmSegment.L), 19)]
    [InlineData(typeof(KvmSegment), nameof(KvmSegment.Unusable), 22)]
    [InlineData(typeof(KvmDtable), nameof(KvmDtable.Limit), 8)]
    [InlineData(typeof(KvmEventMsrs), nameof(KvmEventMsrs.Efer), 24)]
    [InlineData(typeof(KvmEventMsrs), nameof(KvmEventMsrs.Lstar), 40)]
    [InlineData(typeof(KvmEventMsrs), nameof(KvmEventMsrs.ShadowGs), 64)]
    public void Fields_lie_where_the_document_says(Type structure, string field, int offset) =>
        Assert.Equal(offset, (int)Marshal.OffsetOf(structure, field));
}
