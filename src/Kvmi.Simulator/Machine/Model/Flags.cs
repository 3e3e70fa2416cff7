namespace Kvmi.Simulator.Machine.Model;

/// <summary>Bits of RFLAGS.</summary>
internal static class Flags
{
    public const ulong Carry = 1 << 0;
    public const ulong Fixed = 1 << 1;
    public const ulong Parity = 1 << 2;
    public const ulong Adjust = 1 << 4;
    public const ulong Zero = 1 << 6;
    public const ulong Sign = 1 << 7;
    public const ulong Trap = 1 << 8;
    public const ulong Interrupt = 1 << 9;
    public const ulong Direction = 1 << 10;
    public const ulong Overflow = 1 << 11;
    public const ulong Iopl = 3 << 12;
    public const ulong NestedTask = 1 << 14;
    public const ulong Resume = 1 << 16;
    public const ulong AlignmentCheck = 1 << 18;
    public const ulong Id = 1 << 21;

    public const ulong Status = Carry | Parity | Adjust | Zero | Sign | Overflow;

    /// <summary>Bits that exist on this machine; the others are fixed.</summary>
    public const ulong Writable =
        Status | Trap | Interrupt | Direction | Iopl | NestedTask | Resume | AlignmentCheck | Id;

    public static ulong Normalize(ulong value) => (value & Writable) | Fixed;
}
