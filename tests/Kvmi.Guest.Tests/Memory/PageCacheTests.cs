using FsCheck;
using FsCheck.Fluent;
using Kvmi.Guest.Memory;
using Kvmi.Session.Vm;

namespace Kvmi.Guest.Tests.Memory;

public sealed class PageCacheTests
{
    private readonly VersionedMemory _memory = new();

    [Fact]
    public void The_same_bytes_are_asked_for_once()
    {
        var cache = new PageCache(_memory, 8);
        var bytes = new byte[16];
        Assert.True(cache.TryRead(0x1008, bytes));
        _memory.Now = 2;
        Assert.True(cache.TryRead(0x1010, bytes));
        Assert.True(cache.TryRead(0x11F0, bytes));
        Assert.All(bytes, value => Assert.Equal(1, value));
        Assert.Equal(1, cache.Requests);

        // The next 512 bytes were not asked for.
        Assert.True(cache.TryRead(0x11F8, bytes));
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2], bytes);
        Assert.Equal(2, cache.Requests);
    }

    [Fact]
    public void What_is_remembered_can_be_copied_as_far_as_there_is_room()
    {
        var cache = new PageCache(_memory, 8);
        Assert.True(cache.TryRead(0x11F8, new byte[16]));
        Assert.True(cache.TryRead(0x5000, new byte[8]));
        var gpas = new ulong[8];
        var bytes = new byte[8 * PageCache.GranuleSize];
        Assert.Equal(3, cache.CopyTo(gpas, bytes));
        Assert.Equal<ulong[]>([0x1000, 0x1200, 0x5000], [.. gpas.AsSpan(0, 3).ToArray().Order()]);
        Assert.All(bytes.AsSpan(0, 3 * PageCache.GranuleSize).ToArray(), value => Assert.Equal(1, value));
        Assert.Equal(0, bytes[3 * PageCache.GranuleSize]);
        Assert.Equal(2, cache.CopyTo(gpas.AsSpan(0, 2), bytes));
        Assert.Throws<ArgumentException>(() => cache.CopyTo(gpas, bytes.AsSpan(1)));
        cache.Forget();
        Assert.Equal(0, cache.CopyTo(gpas, bytes));
    }

    [Fact]
    public void Ranges_of_one_page_are_one_request_and_all_leave_together()
    {
        var cache = new PageCache(_memory, 8);
        var results = new bool[5];
        Assert.True(cache.TryRead(
            [new(0x1000, 8), new(0x1FF8, 8), new(0x5000, 8), new(0x1800, 0), new(0x1FFC, 8)], new byte[32], results));
        Assert.Equal([true, true, true, true, true], results);
        Assert.Equal(3, cache.Requests);
        Assert.Equal(1, cache.Exchanges);
    }

    [Fact]
    public void A_page_that_cannot_be_read_fails_its_ranges_and_no_others()
    {
        _memory.Missing.Add(2);
        var cache = new PageCache(_memory, 8);
        var results = new bool[4];
        var bytes = new byte[26];
        Assert.False(cache.TryRead([new(0x1FF8, 8), new(0x1FF8, 9), new(0x2FFF, 1), new(0x3000, 8)], bytes, results));
        Assert.Equal([true, false, false, true], results);
        Assert.All(bytes.AsSpan(18).ToArray(), value => Assert.Equal(1, value));
        Assert.False(cache.TryRead(0x2000, new byte[1]));
        _memory.Missing.Clear();
        Assert.True(cache.TryRead(0x2000, new byte[1]));
    }

    [Fact]
    public void What_would_wrap_around_fails_without_a_request()
    {
        var cache = new PageCache(_memory, 8);
        Assert.False(cache.TryRead(ulong.MaxValue, new byte[2]));
        Assert.True(cache.TryRead(ulong.MaxValue, []));
        Assert.Equal(0, cache.Requests);
        Assert.True(cache.TryRead(ulong.MaxValue, new byte[1]));
    }

    [Fact]
    public void Forgetting_a_range_forgets_its_pages_only()
    {
        var cache = new PageCache(_memory, 8);
        var bytes = new byte[3];
        cache.TryRead([new(0x1000, 1), new(0x2000, 1), new(0x3000, 1)], bytes, new bool[3]);
        _memory.Now = 2;
        cache.Forget(0x1FFF, 2);
        cache.Forget(0x3000, 0);
        cache.TryRead([new(0x1000, 1), new(0x2000, 1), new(0x3000, 1)], bytes, new bool[3]);
        Assert.Equal([2, 2, 1], bytes);
        _memory.Now = 3;
        cache.Forget();
        cache.TryRead([new(0x1000, 1), new(0x2000, 1), new(0x3000, 1)], bytes, new bool[3]);
        Assert.Equal([3, 3, 3], bytes);
        _memory.Now = 4;
        cache.Forget(0x3FFF, int.MaxValue);
        cache.Forget(ulong.MaxValue, 2);
        cache.TryRead([new(0x1000, 1), new(0x2000, 1), new(0x3000, 1)], bytes, new bool[3]);
        Assert.Equal([3, 3, 4], bytes);
    }

    [Fact]
    public void A_long_range_is_not_kept_and_pushes_nothing_out()
    {
        var cache = new PageCache(_memory, 8);
        var bytes = new byte[65_536];
        cache.TryRead(0x1000, new byte[8]);
        _memory.Now = 2;
        Assert.True(cache.TryRead(0x800, bytes));

        // Seven pages leave together; the 17 pages have three exchanges, after the first one of all.
        Assert.Equal(4, cache.Exchanges);
        Assert.Equal(18, cache.Requests);
        Assert.Equal(1, bytes[0x800]);
        Assert.Equal(2, bytes[0xA00]);
        _memory.Now = 3;
        cache.TryRead(0x1000, bytes.AsSpan(0, 1));
        Assert.Equal(1, bytes[0]);

        // What the long range read of a page that is kept is kept, so that nothing older is given later.
        cache.TryRead(0x1800, bytes.AsSpan(0, 1));
        Assert.Equal(2, bytes[0]);
    }

    [Fact]
    public void More_pages_than_it_holds_are_read_all_the_same()
    {
        var cache = new PageCache(_memory, 8);
        MemoryRange[] ranges = [.. Enumerable.Range(1, 100).Select(i => new MemoryRange((ulong)i << 12, 4))];
        var results = new bool[100];
        var bytes = new byte[400];
        Assert.True(cache.TryRead(ranges, bytes, results));
        Assert.All(bytes, value => Assert.Equal(1, value));
        Assert.Equal(100, cache.Requests);

        // The last ones are still there.
        Assert.True(cache.TryRead(100 << 12, bytes.AsSpan(0, 4)));
        Assert.Equal(100, cache.Requests);
    }

    [Fact]
    public void A_page_in_use_outlives_others()
    {
        var cache = new PageCache(_memory, 8);
        for (var i = 1UL; i < 50; i++)
        {
            cache.TryRead(i << 12, new byte[1]);
            cache.TryRead(0x1000, new byte[1]);
        }

        Assert.Equal(49, cache.Requests);
    }

    [Fact]
    public void A_source_that_throws_leaves_nothing_behind()
    {
        var source = new ThrowingMemory();
        var cache = new PageCache(source, 8);
        for (var i = 0; i < 20; i++)
        {
            source.Throws = true;
            Assert.Throws<InvalidOperationException>(() => cache.TryRead((ulong)i << 12, new byte[8]));
            source.Throws = false;
            var bytes = new byte[8];
            Assert.True(cache.TryRead((ulong)i << 12, bytes));
            Assert.All(bytes, value => Assert.Equal(7, value));
        }
    }

    [Fact]
    public void Reads_allocate_nothing_once_the_pages_are_there()
    {
        var cache = new PageCache(_memory, 16);
        var buffer = new byte[65_536];
        var results = new bool[64];
        MemoryRange[] ranges = [.. Enumerable.Range(1, 64).Select(i => new MemoryRange((ulong)i * 3000, 100))];
        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            cache.Forget();
            cache.TryRead(ranges, buffer, results);
            cache.TryRead(0x1FFF, buffer.AsSpan(0, 2));
            cache.TryRead(0x100, buffer);
        }
    }

    [Fact]
    public void Bounds_are_checked()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new PageCache(_memory, PageCache.MinPages - 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PageCache(_memory, PageCache.MaxPages + 1));
        var cache = new PageCache(_memory, 8);
        Assert.Throws<ArgumentException>(() => cache.TryRead([new(0, -1)], new byte[8], new bool[1]));
        Assert.Throws<ArgumentException>(() => cache.TryRead([new(0, 9)], new byte[8], new bool[1]));
        Assert.Throws<ArgumentException>(() => cache.TryRead([new(0, 9)], new byte[9], []));
    }

    [Fact]
    public void Nothing_is_older_than_what_was_given_before_or_than_what_was_forgotten()
    {
        var steps = Gen.Choose(0, 5).SelectMany(
            kind => Gen.Choose(0, 14 * 4096), (kind, gpa) => (Kind: kind, Gpa: (ulong)gpa)).SelectMany(
            step => Gen.Choose(0, 3), (step, size) => (step.Kind, step.Gpa, Length: size switch { 0 => 8, 1 => 700, 2 => 5000, _ => 20_000 }));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll(steps.ArrayOf(60).ToArbitrary(), sequence =>
        {
            var memory = new VersionedMemory();
            memory.Missing.Add(5);
            var cache = new PageCache(memory, 8);

            // The oldest moment that each byte may be from.
            var oldest = new byte[24 * 4096];
            foreach (var (kind, gpa, length) in sequence)
            {
                switch (kind)
                {
                    case 0:
                        memory.Now++;
                        break;
                    case 1:
                        cache.Forget(gpa, length);
                        oldest.AsSpan((int)gpa, length).Fill(memory.Now);
                        break;
                    case 2 when length == 8:
                        cache.Forget();
                        oldest.AsSpan().Fill(memory.Now);
                        break;
                    default:
                        var bytes = new byte[length + 100];
                        var results = new bool[2];
                        cache.TryRead([new(gpa, length), new(gpa / 2, 100)], bytes, results);
                        Look(gpa, bytes.AsSpan(0, length), results[0]);
                        Look(gpa / 2, bytes.AsSpan(length), results[1]);
                        break;
                }
            }

            void Look(ulong gpa, ReadOnlySpan<byte> bytes, bool read)
            {
                Assert.Equal(gpa >> 12 > 5 || (gpa + (ulong)bytes.Length - 1) >> 12 < 5, read);
                for (var i = 0; read && i < bytes.Length; i++)
                {
                    ref var known = ref oldest[(int)gpa + i];
                    Assert.True(bytes[i] >= known && bytes[i] <= memory.Now, $"0x{gpa + (ulong)i:x}: {bytes[i]}, known {known}, now {memory.Now}");
                    known = bytes[i];
                }
            }
        }));
    }

    private sealed class ThrowingMemory : IPhysicalMemory
    {
        public bool Throws { get; set; }

        public bool TryRead(ulong gpa, Span<byte> destination)
        {
            destination.Fill(Throws ? (byte)9 : (byte)7);
            return Throws ? throw new InvalidOperationException("lost") : true;
        }
    }
}
