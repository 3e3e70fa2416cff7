using System.Runtime.InteropServices;

namespace Kvmi.Protocol.Registers;

/// <summary>The nine MSRs that every vCPU event carries, 72 bytes (kvmi-later-dialects.md 3.8).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = 72)]
public struct KvmEventMsrs
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 72;

    /// <summary>IA32_SYSENTER_CS.</summary>
    public ulong SysenterCs;

    /// <summary>IA32_SYSENTER_ESP.</summary>
    public ulong SysenterEsp;

    /// <summary>IA32_SYSENTER_EIP.</summary>
    public ulong SysenterEip;

    /// <summary>IA32_EFER.</summary>
    public ulong Efer;

    /// <summary>IA32_STAR.</summary>
    public ulong Star;

    /// <summary>IA32_LSTAR: the 64-bit system-call entry.</summary>
    public ulong Lstar;

    /// <summary>IA32_CSTAR.</summary>
    public ulong Cstar;

    /// <summary>IA32_PAT.</summary>
    public ulong Pat;

    /// <summary>IA32_KERNEL_GS_BASE, called shadow_gs on the wire.</summary>
    public ulong ShadowGs;
}
