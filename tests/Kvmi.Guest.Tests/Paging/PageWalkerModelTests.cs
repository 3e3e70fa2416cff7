using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Guest.Memory;
using Kvmi.Guest.Paging;

namespace Kvmi.Guest.Tests.Paging;

/// <summary>The walker, alone, in batches and over the cache, against the naive one on random tables.</summary>
public sealed class PageWalkerModelTests
{
    private static readonly Config Runs = Config.QuickThrowOnFailure.WithMaxTest(300);

    [Fact]
    public void A_walk_ends_as_the_naive_one_does()
    {
        var ends = new Dictionary<TranslationStatus, int>();
        Check.One(Runs, Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var memory = new FakeMemory();
            var tables = new RandomTables(seed, memory);
            for (var i = 0; i < 40; i++)
            {
                var gva = tables.Address();
                var before = memory.Reads;
                var status = PageWalker.Translate(memory, tables.Sregs, gva, out var gpa);
                Assert.InRange(memory.Reads - before, 0, 5);
                Assert.Equal(NaiveWalker.Translate(Entries(memory), tables.Sregs, gva), (status, gpa));
                ends[status] = ends.GetValueOrDefault(status) + 1;
            }
        }));

        // Otherwise the tables were not what this test is about.
        Assert.All(Enum.GetValues<TranslationStatus>(), status => Assert.True(ends.GetValueOrDefault(status) > 100, $"{status}: {ends.GetValueOrDefault(status)}"));
    }

    [Fact]
    public void Walks_that_go_together_over_a_cache_end_as_the_naive_ones_do()
    {
        Check.One(Runs, Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), Gen.Choose(PageCache.MinPages, 40).ToArbitrary(), (seed, pages) =>
        {
            var memory = new FakeMemory();
            var tables = new RandomTables(seed, memory);
            var cache = new PageCache(memory, pages);
            var reader = new VirtualReader(cache);
            ulong[] gvas = [.. Enumerable.Range(0, seed % (VirtualReader.MaxRanges + 1)).Select(_ => tables.Address())];
            var gpas = new ulong[gvas.Length];
            var ends = new TranslationStatus[gvas.Length];
            reader.TryTranslate(tables.Sregs, gvas, gpas, ends);

            // Six pages of tables, and as many requests for entries where there is no memory as there are addresses and levels.
            Assert.InRange(cache.Exchanges, 0, 10);
            for (var i = 0; i < gvas.Length; i++)
            {
                Assert.Equal(NaiveWalker.Translate(Entries(memory), tables.Sregs, gvas[i]), (ends[i], gpas[i]));
            }
        }));
    }

    [Fact]
    public void Ranges_read_together_hold_what_each_holds_alone()
    {
        var read = 0;
        var failed = 0;
        Check.One(Runs, Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), Gen.Choose(0, 9000).ArrayOf(7).ToArbitrary(), (seed, lengths) =>
        {
            var memory = new FakeMemory();
            var tables = new RandomTables(seed, memory);
            VirtualRange[] ranges = [.. lengths.Select((length, i) => new VirtualRange(tables.Address(), i < 5 ? length % 300 : length))];
            var bytes = new byte[ranges.Sum(range => range.Length)];
            bytes.AsSpan().Fill(0xAA);
            var results = new bool[ranges.Length];
            var all = new VirtualReader(new PageCache(memory, PageCache.MinPages)).TryRead(tables.Sregs, ranges, bytes, results);
            Assert.Equal(!results.Contains(false), all);
            var rest = bytes.AsSpan();
            for (var i = 0; i < ranges.Length; i++)
            {
                var alone = new byte[ranges[i].Length];
                var whole = VirtualMemory.Read(memory, tables.Sregs, ranges[i].Gva, alone) == alone.Length;
                Assert.Equal(whole, results[i]);
                Assert.Equal(whole ? alone : new byte[alone.Length], rest[..alone.Length].ToArray());
                rest = rest[alone.Length..];
                read += whole ? 1 : 0;
                failed += whole ? 0 : 1;
            }
        }));
        Assert.True(read > 100 && failed > 100, $"{read} ranges were read and {failed} were not");
    }

    private static Func<ulong, int, ulong?> Entries(FakeMemory memory) => (gpa, size) =>
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        return memory.TryRead(gpa, bytes[..size]) ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : null;
    };
}
