namespace Kvmi.Simulator.Machine.Model;

/// <summary>Bits of control registers and EFER, and which of them this machine has (Intel SDM volume 3, 2.5 and 2.2.1).</summary>
internal static class ControlBits
{
    public const ulong Cr0Pe = 1UL << 0;
    public const ulong Cr0Mp = 1UL << 1;
    public const ulong Cr0Ts = 1UL << 3;
    public const ulong Cr0Et = 1UL << 4;
    public const ulong Cr0Ne = 1UL << 5;
    public const ulong Cr0Wp = 1UL << 16;
    public const ulong Cr0Am = 1UL << 18;
    public const ulong Cr0Nw = 1UL << 29;
    public const ulong Cr0Cd = 1UL << 30;
    public const ulong Cr0Pg = 1UL << 31;
    public const ulong Cr0Known = Cr0Pe | Cr0Mp | (1UL << 2) | Cr0Ts | Cr0Et | Cr0Ne | Cr0Wp | Cr0Am | Cr0Nw | Cr0Cd | Cr0Pg;

    public const ulong Cr4Tsd = 1UL << 2;
    public const ulong Cr4Pae = 1UL << 5;
    public const ulong Cr4Umip = 1UL << 11;
    public const ulong Cr4Vmxe = 1UL << 13;
    public const ulong Cr4Fsgsbase = 1UL << 16;
    public const ulong Cr4Pcide = 1UL << 17;
    public const ulong Cr4Osxsave = 1UL << 18;
    public const ulong Cr4Smep = 1UL << 20;
    public const ulong Cr4Smap = 1UL << 21;

    /// <summary>VME to OSXMMEXCPT, UMIP, VMXE, FSGSBASE, PCIDE, OSXSAVE, SMEP, SMAP.</summary>
    public const ulong Cr4Known = 0x7FF | Cr4Umip | Cr4Vmxe | Cr4Fsgsbase | Cr4Pcide | Cr4Osxsave | Cr4Smep | Cr4Smap;

    public const ulong EferSce = 1UL << 0;
    public const ulong EferLme = 1UL << 8;
    public const ulong EferLma = 1UL << 10;
    public const ulong EferNxe = 1UL << 11;
    public const ulong EferKnown = EferSce | EferLme | EferLma | EferNxe;

    /// <summary>Width of a physical address.</summary>
    public const int PhysicalAddressBits = 40;

    public const ulong PhysicalAddressMask = (1UL << PhysicalAddressBits) - 1;

    public static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;
}
