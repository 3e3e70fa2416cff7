using System.Buffers.Binary;
using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Tests.Paging;

/// <summary>
/// Page tables and registers from a seed: a few pages full of entries that mostly point at each other, loops included, with large pages,
/// absent ones, reserved bits, and frames where there is no memory.
/// </summary>
internal sealed class RandomTables
{
    private const int Pages = 6;
    private readonly Random _random;

    public RandomTables(int seed, FakeMemory memory)
    {
        _random = new Random(seed);
        Span<byte> page = stackalloc byte[4096];
        var narrow = _random.Next(4) == 0;
        for (var number = 1UL; number <= Pages; number++)
        {
            for (var at = 0; at < page.Length; at += 8)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(page[at..], narrow ? Narrow() | (Narrow() << 32) : Wide());
            }

            memory.Put(number << 12, page);
        }

        var longMode = !narrow && _random.Next(3) > 0;
        Sregs = new KvmSregs
        {
            Cr0 = _random.Next(20) == 0 ? 0 : 1UL << 31,
            Cr3 = ((ulong)_random.Next(1, Pages + 1) << 12) | ((ulong)_random.NextInt64() & 0xFFF),
            Cr4 = (ulong)_random.NextInt64() & (narrow ? 0x1010UL : 0x1030),
            Efer = (longMode ? 0x400UL : 0) | ((ulong)_random.NextInt64() & 0x800),
        };
    }

    public KvmSregs Sregs { get; }

    /// <summary>An address, as a rule one that fits the paging mode.</summary>
    public ulong Address()
    {
        var value = (ulong)_random.NextInt64(long.MinValue, long.MaxValue);
        return _random.Next(12) switch
        {
            0 => value,
            1 => ulong.MaxValue - (value & 0x2FFF),
            2 => (value & 0x2FFF) | 0xFFFF_E000,
            _ when (Sregs.Efer & 0x400) == 0 => value & uint.MaxValue,
            _ when (Sregs.Cr4 & 0x1000) != 0 => (ulong)((long)(value << 7) >> 7),
            _ => (ulong)((long)(value << 16) >> 16),
        };
    }

    private ulong Wide()
    {
        var entry = Frame() | (_random.Next(10) == 0 ? 0UL : 1) | ((ulong)_random.Next(4096) & 0xF1E);
        entry |= _random.Next(5) == 0 ? 0x80UL : 0;
        entry |= _random.Next(8) == 0 ? 1UL << 63 : 0;
        entry |= _random.Next(8) == 0 ? 0x7FF0_0000_0000_0000UL & (ulong)_random.NextInt64() : 0;

        // PAE wants these zero in its first level.
        return _random.Next(3) == 0 ? entry & ~0x1E6UL : entry;
    }

    private ulong Narrow() => (Frame() & uint.MaxValue) | (_random.Next(8) == 0 ? 0UL : 1) | ((ulong)_random.Next(4096) & 0xFFE);

    private ulong Frame() => _random.Next(8) switch
    {
        0 => (ulong)_random.NextInt64() & 0x000F_FFFF_FFFF_F000,
        1 => (ulong)_random.Next(4) << 30,
        2 => 0x000F_FFFF_FFFF_F000,
        _ => (ulong)_random.Next(1, Pages + 1) << 12,
    };
}
