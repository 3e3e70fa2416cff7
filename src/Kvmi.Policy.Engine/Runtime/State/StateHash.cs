using System.Runtime.CompilerServices;

namespace Kvmi.Policy.Engine.Runtime.State;

/// <summary>Seeded hash of state keys: the values often come from the guest, which must not be able to choose collisions.</summary>
internal static class StateHash
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of<T>(T value, ulong seed)
        where T : unmanaged
    {
        // The type checks are constants for each T, so the comparisons cost nothing at run time.
        ulong bits;
        if (typeof(T) == typeof(ulong) || typeof(T) == typeof(long))
        {
            bits = Unsafe.BitCast<T, ulong>(value);
        }
        else if (typeof(T) == typeof(uint) || typeof(T) == typeof(int))
        {
            bits = Unsafe.BitCast<T, uint>(value);
        }
        else
        {
            bits = (uint)value.GetHashCode();
        }

        // Two multiply-and-fold rounds with secret operands (the construction of wyhash).
        return Fold(Fold(bits ^ seed, 0x9E37_79B9_7F4A_7C15 ^ (seed >> 7)), seed | 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        return high ^ low;
    }
}
