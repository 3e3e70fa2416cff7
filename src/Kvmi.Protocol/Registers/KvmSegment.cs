using System.Runtime.InteropServices;

namespace Kvmi.Protocol.Registers;

/// <summary>A segment register with its hidden part, laid out as struct kvm_segment: 24 bytes (kvmi-later-dialects.md 3.8).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = 24)]
public struct KvmSegment
{
    /// <summary>Base address.</summary>
    public ulong Base;

    /// <summary>Limit in bytes.</summary>
    public uint Limit;

    /// <summary>Selector; its low two bits are the RPL.</summary>
    public ushort Selector;

    /// <summary>Descriptor type, 0 to 15.</summary>
    public byte Type;

    /// <summary>Present bit.</summary>
    public byte Present;

    /// <summary>Descriptor privilege level, 0 to 3.</summary>
    public byte Dpl;

    /// <summary>Default operation size.</summary>
    public byte Db;

    /// <summary>Code or data (1), or system (0).</summary>
    public byte S;

    /// <summary>64-bit code segment.</summary>
    public byte L;

    /// <summary>Granularity.</summary>
    public byte G;

    /// <summary>Available to software.</summary>
    public byte Avl;

    /// <summary>Non-zero when the register holds no usable segment.</summary>
    public byte Unusable;

    /// <summary>Padding.</summary>
    public byte Padding;
}
