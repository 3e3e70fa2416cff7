using FsCheck;
using FsCheck.Fluent;
using Kvmi.Guest.Paging;
using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Tests.Paging;

public sealed class PageWalkerTests
{
    private const ulong Pg = 1UL << 31;
    private const ulong Lma = 1UL << 10;
    private const ulong Nxe = 1UL << 11;
    private const ulong La57 = 1UL << 12;
    private const ulong Pae = 1UL << 5;
    private const ulong Pse = 1UL << 4;
    private const ulong Large = 1UL << 7;
    private const ulong NoExecute = 1UL << 63;
    private static readonly KvmSregs FourLevels = new() { Cr0 = Pg, Cr3 = 0x1000 | 0xABC, Cr4 = Pae, Efer = Lma | Nxe };
    private readonly FakeMemory _memory = new();

    [Fact]
    public void Without_paging_the_address_is_its_own()
    {
        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(_memory, default, 0x1234_5678, out var gpa));
        Assert.Equal(0x1234_5678UL, gpa);
        Assert.Equal(TranslationStatus.NotCanonical, PageWalker.Translate(_memory, default, 0x1_0000_0000, out _));
    }

    [Theory]
    [InlineData(0xFFFF_8880_1234_5678, 0, 0x7_7678)]
    [InlineData(0xFFFF_8880_1234_5678, 2, 0x4014_5678)]
    [InlineData(0xFFFF_8880_1234_5678, 3, 0x1_9234_5678)]
    public void Four_levels_with_all_page_sizes(ulong gva, int largeLevel, ulong expected)
    {
        _memory.Put64(0x1000 + (((gva >> 39) & 511) * 8), 0x2000 | 3 | NoExecute);
        _memory.Put64(0x2000 + (((gva >> 30) & 511) * 8), largeLevel == 3 ? 0x1_8000_0000 | 3 | Large | NoExecute : 0x3003);
        _memory.Put64(0x3000 + (((gva >> 21) & 511) * 8), largeLevel == 2 ? 0x4000_0000 | 3 | Large | 0x1000 : 0x4003);
        _memory.Put64(0x4000 + (((gva >> 12) & 511) * 8), 0x7_7003 | Large | NoExecute);

        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(_memory, FourLevels, gva, out var gpa));
        Assert.Equal(expected, gpa);
    }

    [Fact]
    public void Five_levels_reach_addresses_that_four_do_not()
    {
        const ulong Gva = 0xFF12_3456_789A_BCDE;
        var sregs = FourLevels;
        Assert.Equal(TranslationStatus.NotCanonical, PageWalker.Translate(_memory, sregs, Gva, out _));
        sregs.Cr4 |= La57;
        ulong table = 0x1000;
        for (var shift = 48; shift >= 12; shift -= 9)
        {
            _memory.Put64(table + (((Gva >> shift) & 511) * 8), (table + 0x1000) | 3);
            table += 0x1000;
        }

        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(_memory, sregs, Gva, out var gpa));
        Assert.Equal(0x6CDEUL, gpa);
        Assert.Equal(TranslationStatus.NotCanonical, PageWalker.Translate(_memory, sregs, 0x0100_0000_0000_0000, out _));
    }

    [Fact]
    public void Every_miss_has_its_reason()
    {
        Assert.Equal(TranslationStatus.Unreadable, PageWalker.Translate(_memory, FourLevels, 0, out _));
        _memory.Put64(0x1000, 0);
        Assert.Equal(TranslationStatus.NotPresent, PageWalker.Translate(_memory, FourLevels, 0, out _));
        _memory.Put64(0x1000, 0x2003 | Large);
        Assert.Equal(TranslationStatus.Malformed, PageWalker.Translate(_memory, FourLevels, 0, out _));
        _memory.Put64(0x1000, 0x2003);
        Assert.Equal(TranslationStatus.Unreadable, PageWalker.Translate(_memory, FourLevels, 0, out _));
        Assert.Equal(TranslationStatus.NotCanonical, PageWalker.Translate(_memory, FourLevels, 0x8000_0000_0000, out _));
    }

    [Theory]
    [InlineData(2, 0x4000_2083)]
    [InlineData(3, 0x4020_0083)]
    public void An_address_inside_a_large_page_is_reserved(int level, ulong entry)
    {
        _memory.Put64(0x1000, 0x2003);
        _memory.Put64(0x2000, level == 3 ? entry : 0x3003);
        _memory.Put64(0x3000, entry);
        Assert.Equal(TranslationStatus.Malformed, PageWalker.Translate(_memory, FourLevels, 0, out var gpa));
        Assert.Equal(0UL, gpa);
    }

    [Fact]
    public void No_execute_is_reserved_unless_the_processor_is_told_to_use_it()
    {
        _memory.Put64(0x1000, 0x2003 | NoExecute);
        _memory.Put64(0x2000, 0x3 | Large);
        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(_memory, FourLevels, 0, out _));
        Assert.Equal(TranslationStatus.Malformed, PageWalker.Translate(_memory, FourLevels with { Efer = Lma }, 0, out _));
    }

    [Theory]
    [InlineData(0x2003, 0x3003, TranslationStatus.Malformed)]
    [InlineData(0x2021, 0x3003, TranslationStatus.Malformed)]
    [InlineData(0x10_0000_0000_2001, 0x3003, TranslationStatus.Malformed)]
    [InlineData(0x2001, 0x10_0000_0000_3003, TranslationStatus.Malformed)]
    [InlineData(0x2001, 0x3003, TranslationStatus.Mapped)]
    public void Pae_reserves_what_the_long_modes_ignore(ulong pointer, ulong directory, TranslationStatus expected)
    {
        _memory.Put64(0x1000, pointer);
        _memory.Put64(0x2000, directory);
        _memory.Put64(0x3000, 0x4003);
        Assert.Equal(expected, PageWalker.Translate(_memory, new KvmSregs { Cr0 = Pg, Cr3 = 0x1000, Cr4 = Pae }, 0, out _));
    }

    [Fact]
    public void A_large_page_of_32_bit_paging_has_a_reserved_bit()
    {
        var sregs = new KvmSregs { Cr0 = Pg, Cr3 = 0x1000, Cr4 = Pse };
        _memory.Put32(0x1000, 0x0020_0083);
        Assert.Equal(TranslationStatus.Malformed, PageWalker.Translate(_memory, sregs, 0, out _));
    }

    [Fact]
    public void A_table_that_points_at_itself_is_walked_once_for_each_level()
    {
        _memory.Put64(0x1000, 0x1003);
        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(_memory, FourLevels, 0x123, out var gpa));
        Assert.Equal(0x1123UL, gpa);
        Assert.Equal(4, _memory.Reads);
    }

    [Fact]
    public void Pae_with_both_page_sizes()
    {
        var sregs = new KvmSregs { Cr0 = Pg, Cr3 = 0x1020, Cr4 = Pae };
        _memory.Put64(0x1020 + (2 * 8), 0x2001);
        _memory.Put64(0x2000 + (1 * 8), 0x3003);
        _memory.Put64(0x2000 + (2 * 8), 0x1_0020_0003 | Large);
        _memory.Put64(0x3000 + (3 * 8), 0x1_0000_5003);

        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(_memory, sregs, 0x8020_3456, out var gpa));
        Assert.Equal(0x1_0000_5456UL, gpa);
        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(_memory, sregs, 0x8041_2345, out gpa));
        Assert.Equal(0x1_0021_2345UL, gpa);
        Assert.Equal(TranslationStatus.NotCanonical, PageWalker.Translate(_memory, sregs, 0x1_0000_0000, out _));
    }

    [Fact]
    public void Thirty_two_bit_paging_with_both_page_sizes()
    {
        var sregs = new KvmSregs { Cr0 = Pg, Cr3 = 0x1000, Cr4 = Pse };
        _memory.Put32(0x1000 + (1 * 4), 0x2003);
        _memory.Put32(0x1000 + (2 * 4), 0x00C0_2083);
        _memory.Put32(0x2000 + (5 * 4), 0x7003);

        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(_memory, sregs, 0x0040_5123, out var gpa));
        Assert.Equal(0x7123UL, gpa);
        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(_memory, sregs, 0x0081_2345, out gpa));
        Assert.Equal(0x1_00C1_2345UL, gpa);
    }

    [Fact]
    public void Hostile_tables_cost_at_most_five_reads()
    {
        var numbers = Gen.Choose(int.MinValue, int.MaxValue).Select(i => (ulong)(uint)i).Two().Select(pair => (pair.Item1 << 32) | pair.Item2);
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(500),
            Prop.ForAll(numbers.ArrayOf(7).ToArbitrary(), values =>
            {
                var memory = new FakeMemory();
                for (var gpa = 0UL; gpa < 0x4000; gpa += 8)
                {
                    memory.Put64(gpa, (values[gpa / 8 % 5] & 0x8000_0000_0000_3FFF) | 1);
                }

                var sregs = new KvmSregs { Cr0 = values[5] | Pg, Cr3 = values[5] & 0x3FFF, Cr4 = values[6], Efer = values[6] >> 3 };
                PageWalker.Translate(memory, sregs, values[0], out _);
                Assert.InRange(memory.Reads, 0, 5);
            }));
    }

    [Fact]
    public void A_virtual_read_crosses_pages_and_stops_at_the_first_hole()
    {
        _memory.Put64(0x1000, 0x2003);
        _memory.Put64(0x2000, 0x3003);
        _memory.Put64(0x3000, 0x4003);
        _memory.Put64(0x4000, 0x9003);
        _memory.Put64(0x4008, 0x7003);
        _memory.Put(0x9FFE, 1, 2);
        _memory.Put(0x7000, 3, 4);
        var bytes = new byte[4];

        Assert.Equal(4, VirtualMemory.Read(_memory, FourLevels, 0xFFE, bytes));
        Assert.Equal([1, 2, 3, 4], bytes);
        Assert.Equal(2, VirtualMemory.Read(_memory, FourLevels, 0x1FFE, bytes));
        Assert.Equal(0, VirtualMemory.Read(_memory, FourLevels, 0x2000, bytes));
        Assert.Equal(0, VirtualMemory.Read(_memory, default, uint.MaxValue, bytes));
    }

    [Fact]
    public void A_walk_allocates_nothing()
    {
        _memory.Put64(0x1000, 0x2003 | Large);
        PageWalker.Translate(_memory, FourLevels, 0, out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        PageWalker.Translate(_memory, FourLevels, 0, out _);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
