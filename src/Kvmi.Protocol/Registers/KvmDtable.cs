using System.Runtime.InteropServices;

namespace Kvmi.Protocol.Registers;

/// <summary>GDTR or IDTR, laid out as struct kvm_dtable: 16 bytes (kvmi-later-dialects.md 3.8).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = 16)]
public struct KvmDtable
{
    /// <summary>Base address.</summary>
    public ulong Base;

    /// <summary>Limit in bytes.</summary>
    public ushort Limit;

    /// <summary>Padding.</summary>
    public ushort Padding0;

    /// <summary>Padding.</summary>
    public ushort Padding1;

    /// <summary>Padding.</summary>
    public ushort Padding2;
}
