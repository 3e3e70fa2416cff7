using System.Numerics;

namespace Kvmi.Simulator.Machine.Model;

/// <summary>Integer arithmetic with the flags it leaves. Operands are zero-extended; sizes are in bytes: 1, 2, 4 or 8.</summary>
internal static class Alu
{
    public static ulong Mask(int size) => size == 8 ? ulong.MaxValue : (1UL << (size * 8)) - 1;

    public static ulong SignBit(int size) => 1UL << ((size * 8) - 1);

    public static ulong SignExtend(ulong value, int size)
    {
        var shift = 64 - (size * 8);
        return (ulong)((long)(value << shift) >> shift);
    }

    public static ulong Add(ulong a, ulong b, bool carry, int size, ref ulong flags)
    {
        var mask = Mask(size);
        var result = (a + b + (carry ? 1UL : 0UL)) & mask;
        var carryOut = carry ? result <= a : result < a;
        var overflow = ((a ^ result) & (b ^ result) & SignBit(size)) != 0;
        SetStatus(result, size, carryOut, overflow, ((a ^ b ^ result) & 0x10) != 0, ref flags);
        return result;
    }

    public static ulong Subtract(ulong a, ulong b, bool borrow, int size, ref ulong flags)
    {
        var result = (a - b - (borrow ? 1UL : 0UL)) & Mask(size);
        var borrowOut = borrow ? a <= b : a < b;
        var overflow = ((a ^ b) & (a ^ result) & SignBit(size)) != 0;
        SetStatus(result, size, borrowOut, overflow, ((a ^ b ^ result) & 0x10) != 0, ref flags);
        return result;
    }

    public static ulong Logic(ulong result, int size, ref ulong flags)
    {
        result &= Mask(size);
        SetStatus(result, size, false, false, false, ref flags);
        return result;
    }

    /// <summary>INC and DEC: an addition or subtraction of one that leaves the carry flag alone.</summary>
    public static ulong Step(ulong value, bool increment, int size, ref ulong flags)
    {
        var carry = flags & Flags.Carry;
        var result = increment ? Add(value, 1, false, size, ref flags) : Subtract(value, 1, false, size, ref flags);
        flags = (flags & ~Flags.Carry) | carry;
        return result;
    }

    public static ulong ShiftLeft(ulong value, int count, int size, ref ulong flags)
    {
        count = MaskCount(count, size);
        if (count == 0) return value;
        var bits = size * 8;
        var carry = count <= bits && ((value >> (bits - count)) & 1) != 0;
        var result = (count >= bits ? 0 : value << count) & Mask(size);
        SetStatus(result, size, carry, ((result & SignBit(size)) != 0) != carry, false, ref flags);
        return result;
    }

    public static ulong ShiftRight(ulong value, int count, bool arithmetic, int size, ref ulong flags)
    {
        count = MaskCount(count, size);
        if (count == 0) return value;
        var wide = arithmetic ? SignExtend(value, size) : value;
        var carry = (ShiftWide(wide, count - 1, arithmetic) & 1) != 0;
        var result = ShiftWide(wide, count, arithmetic) & Mask(size);
        SetStatus(result, size, carry, !arithmetic && (value & SignBit(size)) != 0, false, ref flags);
        return result;
    }

    public static bool Evaluate(int condition, ulong flags)
    {
        var sign = (flags & Flags.Sign) != 0;
        var overflow = (flags & Flags.Overflow) != 0;
        var zero = (flags & Flags.Zero) != 0;
        var carry = (flags & Flags.Carry) != 0;
        var holds = (condition >> 1) switch
        {
            0 => overflow,
            1 => carry,
            2 => zero,
            3 => carry || zero,
            4 => sign,
            5 => (flags & Flags.Parity) != 0,
            6 => sign != overflow,
            _ => zero || sign != overflow,
        };
        return holds != ((condition & 1) != 0);
    }

    private static ulong ShiftWide(ulong value, int count, bool arithmetic) =>
        arithmetic ? (ulong)((long)value >> Math.Min(count, 63)) : value >> count;

    private static int MaskCount(int count, int size) => count & (size == 8 ? 0x3F : 0x1F);

    private static void SetStatus(ulong result, int size, bool carry, bool overflow, bool adjust, ref ulong flags)
    {
        var status = flags & ~Flags.Status;
        if (carry) status |= Flags.Carry;
        if (overflow) status |= Flags.Overflow;
        if (adjust) status |= Flags.Adjust;
        if (result == 0) status |= Flags.Zero;
        if ((result & SignBit(size)) != 0) status |= Flags.Sign;
        if ((BitOperations.PopCount((uint)result & 0xFF) & 1) == 0) status |= Flags.Parity;
        flags = status;
    }
}
