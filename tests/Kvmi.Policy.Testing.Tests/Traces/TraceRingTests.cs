using System.Buffers.Binary;
using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Recording;

namespace Kvmi.Policy.Testing.Tests.Traces;

public sealed class TraceRingTests
{
    [Fact]
    public void Entries_come_out_as_they_went_in_also_round_the_end()
    {
        var ring = new TraceRing(0);
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var payload = new byte[random.Next(0, 700)];
            random.NextBytes(payload);
            var entry = new TraceRingEntry(TraceRecordKind.Message, 1, (uint)round, round * 3L, (uint)round & 3);
            Assert.True(ring.TryWrite(in entry, payload));
            Assert.True(ring.TryPeek(out var read, out var bytes));
            Assert.Equal(entry, read);
            Assert.True(bytes.SequenceEqual(payload));
            ring.Release();
        }

        Assert.False(ring.TryPeek(out _, out _));
        Assert.Equal(0, ring.Waiting);
    }

    [Fact]
    public void A_full_ring_refuses_and_goes_on_when_there_is_room()
    {
        var ring = new TraceRing(0);
        var payload = new byte[10_000];
        var entry = new TraceRingEntry(TraceRecordKind.Message, 0, 1, 0, 0);
        var written = 0;
        while (ring.TryWrite(in entry, payload))
        {
            written++;
        }

        Assert.InRange(written, 24, 26);
        Assert.True(ring.TryPeek(out _, out _));
        ring.Release();
        Assert.True(ring.TryWrite(in entry, payload));
    }

    [Fact]
    public void Writing_allocates_nothing()
    {
        var ring = new TraceRing(1 << 20);
        var payload = new byte[1000];
        var entry = new TraceRingEntry(TraceRecordKind.Message, 0, 1, 0, 0);
        ring.TryWrite(in entry, payload);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            ring.TryWrite(in entry, payload);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task Many_writers_lose_nothing_that_was_accepted_and_mix_nothing_up()
    {
        const int Writers = 4;
        const int Each = 20_000;
        var ring = new TraceRing(0);
        var accepted = new long[Writers];
        var writers = Enumerable.Range(0, Writers).Select(writer => Task.Factory.StartNew(() =>
        {
            var payload = new byte[8 + (writer * 37)];
            for (long i = 0; i < Each; i++)
            {
                BinaryPrimitives.WriteInt64LittleEndian(payload, i);
                payload.AsSpan(8).Fill((byte)i);
                if (ring.TryWrite(new TraceRingEntry(TraceRecordKind.Message, 0, (uint)writer, i, 0), payload))
                {
                    accepted[writer]++;
                }
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        var all = Task.WhenAll(writers);
        var read = new long[Writers];
        var last = new long[] { -1, -1, -1, -1 };
        while (true)
        {
            var over = all.IsCompleted;
            while (ring.TryPeek(out var entry, out var payload))
            {
                var writer = (int)entry.Connection;
                Assert.Equal(8 + (writer * 37), payload.Length);
                Assert.Equal(entry.Timestamp, BinaryPrimitives.ReadInt64LittleEndian(payload));
                Assert.True(entry.Timestamp > last[writer]);
                Assert.False(payload[8..].ContainsAnyExcept((byte)entry.Timestamp));
                last[writer] = entry.Timestamp;
                read[writer]++;
                ring.Release();
            }

            if (over)
            {
                break;
            }

            Thread.Yield();
        }

        await all;
        Assert.Equal(accepted, read);
        Assert.True(read.Sum() > 0);
    }
}
