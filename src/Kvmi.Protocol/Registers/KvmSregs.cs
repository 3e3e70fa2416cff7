using System.Runtime.InteropServices;

namespace Kvmi.Protocol.Registers;

/// <summary>The special registers, laid out as struct kvm_sregs: 312 bytes (kvmi-later-dialects.md 3.8).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = 312)]
public struct KvmSregs
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 312;

    /// <summary>CS.</summary>
    public KvmSegment Cs;

    /// <summary>DS.</summary>
    public KvmSegment Ds;

    /// <summary>ES.</summary>
    public KvmSegment Es;

    /// <summary>FS.</summary>
    public KvmSegment Fs;

    /// <summary>GS.</summary>
    public KvmSegment Gs;

    /// <summary>SS; its DPL is the current privilege level.</summary>
    public KvmSegment Ss;

    /// <summary>Task register.</summary>
    public KvmSegment Tr;

    /// <summary>Local descriptor table register.</summary>
    public KvmSegment Ldt;

    /// <summary>Global descriptor table register.</summary>
    public KvmDtable Gdt;

    /// <summary>Interrupt descriptor table register.</summary>
    public KvmDtable Idt;

    /// <summary>CR0.</summary>
    public ulong Cr0;

    /// <summary>CR2: the last page-fault address.</summary>
    public ulong Cr2;

    /// <summary>CR3: the root of the page tables, with PCID and flags.</summary>
    public ulong Cr3;

    /// <summary>CR4.</summary>
    public ulong Cr4;

    /// <summary>CR8: task priority.</summary>
    public ulong Cr8;

    /// <summary>IA32_EFER.</summary>
    public ulong Efer;

    /// <summary>IA32_APIC_BASE.</summary>
    public ulong ApicBase;

    /// <summary>Pending interrupts 0 to 63.</summary>
    public ulong InterruptBitmap0;

    /// <summary>Pending interrupts 64 to 127.</summary>
    public ulong InterruptBitmap1;

    /// <summary>Pending interrupts 128 to 191.</summary>
    public ulong InterruptBitmap2;

    /// <summary>Pending interrupts 192 to 255.</summary>
    public ulong InterruptBitmap3;
}
