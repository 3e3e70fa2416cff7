using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Simulator.Machine.Model;

namespace Kvmi.Simulator.Tests.Machine;

/// <summary>Arithmetic and flags against the same thing computed in wider integers.</summary>
public sealed class AluTests
{
    private static readonly int[] Sizes = [1, 2, 4, 8];

    [Fact]
    public void Addition_agrees_with_wide_integers() => Check((a, b, carry, size) =>
    {
        var flags = Flags.Fixed;
        var result = Alu.Add(a, b, carry, size, ref flags);
        var wide = (UInt128)a + b + (carry ? 1u : 0u);
        var signed = Signed(a, size) + Signed(b, size) + (carry ? 1 : 0);
        return result == (ulong)(wide & Alu.Mask(size)) && HasCarry(flags) == (wide > Alu.Mask(size)) && Agrees(flags, result, signed, size);
    });

    [Fact]
    public void Subtraction_agrees_with_wide_integers() => Check((a, b, borrow, size) =>
    {
        var flags = Flags.Fixed;
        var result = Alu.Subtract(a, b, borrow, size, ref flags);
        var wide = (Int128)a - b - (borrow ? 1 : 0);
        var signed = Signed(a, size) - Signed(b, size) - (borrow ? 1 : 0);
        return result == ((ulong)(UInt128)wide & Alu.Mask(size)) && HasCarry(flags) == (wide < 0) && Agrees(flags, result, signed, size);
    });

    [Fact]
    public void Shifts_agree_with_wide_integers() => Check((a, b, arithmetic, size) =>
    {
        var count = (int)(b & (size == 8 ? 0x3FUL : 0x1FUL));
        var flags = Flags.Fixed;
        var left = Alu.ShiftLeft(a, (int)b & 0xFF, size, ref flags);
        var right = Alu.ShiftRight(a, (int)b & 0xFF, arithmetic, size, ref flags);
        var wide = arithmetic ? (UInt128)(Signed(a, size) >> count) : (UInt128)a >> count;
        return left == (ulong)(((UInt128)a << count) & Alu.Mask(size)) && right == (ulong)(wide & Alu.Mask(size));
    });

    [Fact]
    public void Conditions_agree_with_comparisons() => Check((a, b, _, size) =>
    {
        var flags = Flags.Fixed;
        Alu.Subtract(a, b, false, size, ref flags);
        var (left, right) = (Signed(a, size), Signed(b, size));
        return Alu.Evaluate(2, flags) == a < b
            && Alu.Evaluate(3, flags) == a >= b
            && Alu.Evaluate(4, flags) == (a == b)
            && Alu.Evaluate(6, flags) == a <= b
            && Alu.Evaluate(7, flags) == a > b
            && Alu.Evaluate(12, flags) == left < right
            && Alu.Evaluate(13, flags) == left >= right
            && Alu.Evaluate(14, flags) == left <= right
            && Alu.Evaluate(15, flags) == left > right;
    });

    [Fact]
    public void Increments_leave_the_carry_flag_alone()
    {
        var flags = Flags.Fixed | Flags.Carry;
        Assert.Equal(0UL, Alu.Step(ulong.MaxValue, true, 8, ref flags));
        Assert.Equal(Flags.Carry | Flags.Zero, flags & (Flags.Carry | Flags.Zero));
        flags = Flags.Fixed;
        Assert.Equal(0xFFUL, Alu.Step(0, false, 1, ref flags));
        Assert.Equal(Flags.Sign, flags & (Flags.Carry | Flags.Sign));
    }

    private static bool HasCarry(ulong flags) => (flags & Flags.Carry) != 0;

    private static Int128 Signed(ulong value, int size) => (long)Alu.SignExtend(value, size);

    private static bool Agrees(ulong flags, ulong result, Int128 signed, int size)
    {
        var overflow = signed != Signed(result, size);
        return ((flags & Flags.Overflow) != 0) == overflow
            && ((flags & Flags.Zero) != 0) == (result == 0)
            && ((flags & Flags.Sign) != 0) == (Signed(result, size) < 0)
            && ((flags & Flags.Parity) != 0) == (BitOperations.PopCount(result & 0xFF) % 2 == 0);
    }

    private static void Check(Func<ulong, ulong, bool, int, bool> holds)
    {
        // Small and extreme numbers are where flags go wrong.
        var number = Gen.OneOf(
            ArbMap.Default.GeneratorFor<ulong>(),
            Gen.Elements(0UL, 1UL, 0x7FUL, 0x80UL, 0xFFUL, 0x7FFFUL, 0x8000UL, 0x7FFF_FFFFUL, 0x8000_0000UL, ulong.MaxValue, 1UL << 63));
        var cases = from a in number
                    from b in number
                    from carry in ArbMap.Default.GeneratorFor<bool>()
                    from size in Gen.Elements(Sizes)
                    select (A: a & Alu.Mask(size), B: b & Alu.Mask(size), carry, size);
        Prop.ForAll(Arb.From(cases), c => holds(c.A, c.B, c.carry, c.size)).QuickCheckThrowOnFailure();
    }
}
