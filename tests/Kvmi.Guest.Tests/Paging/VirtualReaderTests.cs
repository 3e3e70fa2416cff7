using Kvmi.Guest.Memory;
using Kvmi.Guest.Paging;
using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Tests.Paging;

public sealed class VirtualReaderTests
{
    private static readonly KvmSregs FourLevels = new() { Cr0 = 1UL << 31, Cr3 = 0x1000, Cr4 = 0x20, Efer = 0xC00 };
    private readonly FakeMemory _memory = new();

    public VirtualReaderTests()
    {
        // Pages 0 to 15 at 0x10000, except page 3, which is not mapped, and page 4, which leads to where no memory is.
        _memory.Put64(0x1000, 0x2003);
        _memory.Put64(0x2000, 0x3003);
        _memory.Put64(0x3000, 0x4003);
        for (var i = 0UL; i < 16; i++)
        {
            _memory.Put64(0x4000 + (i * 8), i switch { 3 => 0, 4 => 0x90_0003, _ => (0x1_0000 + (i << 12)) | 3 });
            _memory.Put((0x10 + i) << 12, (byte)(0x10 + i));
            _memory.Put(((0x10 + i) << 12) + 0xFFF, (byte)(0x20 + i));
        }
    }

    [Fact]
    public void Two_reads_of_one_region_cost_one_request_for_each_table_and_five_exchanges()
    {
        var cache = new PageCache(_memory, 8);
        var reader = new VirtualReader(cache);
        Assert.True(reader.TryRead(FourLevels, [new(0x1000, 64), new(0x7000, 64)], new byte[128], new bool[2]));
        Assert.Equal(6, cache.Requests);
        Assert.Equal(5, cache.Exchanges);

        // Another one later costs what is new: its page. One that is known costs nothing.
        Assert.True(reader.TryRead(FourLevels, [new(0x8000, 64)], new byte[64], new bool[1]));
        Assert.Equal(7, cache.Requests);
        Assert.True(reader.TryRead(FourLevels, [new(0x8000, 64), new(0x1010, 8)], new byte[72], new bool[2]));
        Assert.Equal(7, cache.Requests);
        Assert.Equal(6, cache.Exchanges);
    }

    [Fact]
    public void Ranges_that_fail_are_cleared_and_the_others_lie_in_their_places()
    {
        var bytes = new byte[13];
        bytes.AsSpan().Fill(0xAA);
        var results = new bool[7];
        Assert.False(new VirtualReader(new PageCache(_memory, 8)).TryRead(
            FourLevels,
            [new(0x0FFF, 2), new(0x2FFF, 2), new(0x5000, 1), new(0x4FFF, 2), new(0x8000_0000_0000, 3), new(0xFFFF_FFFF_FFFF_FFFF, 2), new(0x6FFF, 1)],
            bytes,
            results));
        Assert.Equal([true, false, true, false, false, false, true], results);
        Assert.Equal([0x20, 0x11, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 0x26], bytes);
    }

    [Fact]
    public void Every_address_has_its_own_end()
    {
        var gpas = new ulong[4];
        var ends = new TranslationStatus[4];
        Assert.False(new VirtualReader(_memory).TryTranslate(FourLevels, [0x1234, 0x3000, 0x4567, 1UL << 63], gpas, ends));
        Assert.Equal([0x1_1234, 0, 0x90_0567, 0], gpas);
        Assert.Equal([TranslationStatus.Mapped, TranslationStatus.NotPresent, TranslationStatus.Mapped, TranslationStatus.NotCanonical], ends);
    }

    [Fact]
    public void Bounds_are_checked()
    {
        var reader = new VirtualReader(_memory);
        Assert.Throws<ArgumentException>(() => reader.TryRead(FourLevels, new VirtualRange[65], [], new bool[65]));
        Assert.Throws<ArgumentException>(() => reader.TryRead(FourLevels, [new(0, 65_536), new(0, 1)], new byte[70_000], new bool[2]));
        Assert.Throws<ArgumentException>(() => reader.TryRead(FourLevels, [new(0, 2)], new byte[1], new bool[1]));
        Assert.Throws<ArgumentException>(() => reader.TryRead(FourLevels, [new(0, 2)], new byte[2], []));
        Assert.Throws<ArgumentException>(() => reader.TryRead(FourLevels, [new(0, -1)], new byte[2], new bool[1]));
        Assert.Throws<ArgumentException>(() => reader.TryTranslate(FourLevels, new ulong[65], new ulong[65], new TranslationStatus[65]));
        Assert.Throws<ArgumentException>(() => reader.TryTranslate(FourLevels, [1], [], new TranslationStatus[1]));
        Assert.True(reader.TryRead(FourLevels, [], [], []));
        Assert.True(reader.TryRead(FourLevels, [new(0x3000, 0)], [], new bool[1]));
    }

    [Fact]
    public void As_many_pages_as_can_be_asked_for_fit()
    {
        // 63 ranges of two bytes across a border, and one that takes the rest and begins at the end of a page.
        VirtualRange[] ranges = [.. Enumerable.Repeat(new VirtualRange(0x0FFF, 2), 63), new(0x5FFF, 65_536 - 126)];
        var results = new bool[64];
        var bytes = new byte[65_536];
        Assert.False(new VirtualReader(new PageCache(_memory, 8)).TryRead(FourLevels, ranges, bytes, results));
        Assert.Equal(63, results.Count(read => read));
        Assert.False(results[63]);
        Assert.Equal(0x11, bytes[125]);
    }

    [Fact]
    public void A_call_allocates_nothing()
    {
        var cache = new PageCache(_memory, 16);
        var reader = new VirtualReader(cache);
        var bytes = new byte[0x3000];
        var results = new bool[2];
        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            cache.Forget();
            reader.TryRead(FourLevels, [new(0x800, 0x1000), new(0x8800, 0x2000)], bytes, results);
        }
    }
}
