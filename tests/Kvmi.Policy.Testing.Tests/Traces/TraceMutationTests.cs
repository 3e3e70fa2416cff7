using System.Buffers.Binary;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Testing.Tests.Traces;

/// <summary>Damaged and forged traces: whatever the bytes are, there is a reading, a problem or a <see cref="TraceException"/>.</summary>
public sealed class TraceMutationTests
{
    private const int Rounds = 4000;

    [Fact]
    public void Damage_anywhere_is_noticed_or_harmless()
    {
        var original = SampleTrace.Write(messages: 40);
        using var intact = SampleTrace.Open(original);
        var count = intact.Records().Count();
        var random = new Random(20260304);
        var noticed = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Mutate(original, random);
            noticed += Read(bytes) is var read && read.Problems > 0 ? 1 : 0;

            // Nothing is made up: each chunk is checked as a whole.
            Assert.True(read.Records <= count, $"round {round}");
        }

        Assert.True(noticed > Rounds / 2, $"{noticed} of {Rounds}");
    }

    [Fact]
    public void Forged_records_with_right_checksums_are_read_or_refused_with_a_reason()
    {
        var raw = RawChunk(SampleTrace.Write(messages: 3));
        var random = new Random(20260305);
        var refused = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Mutate(raw, random);
            refused += Read(Forge(bytes, random.Next(8) == 0 ? random.Next(-2, 40) : 13)) is { Problems: > 0 } ? 1 : 0;
        }

        Assert.True(refused > Rounds / 4, $"{refused} of {Rounds}");
    }

    [Fact]
    public void A_small_file_cannot_make_the_reader_hold_much()
    {
        // 2 GiB are announced by a header of 48 bytes, with the right checksum.
        var header = new ChunkHeader(1, 1, 4, int.MaxValue, 1, 1, 0, 1).Write([1, 2, 3, 4]);
        byte[] bytes = [.. new TraceHeader(SampleTrace.Start).Write(), .. header, 1, 2, 3, 4];
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal((0, 1), Read(bytes));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 10 << 20);
    }

    [Fact]
    public void A_chunk_that_expands_to_more_than_it_says_is_refused()
    {
        var zeros = new byte[60_000];
        var stored = ChunkCompression.Compress(zeros).ToArray();
        var header = new ChunkHeader(1, 1, stored.Length, 1000, 1, 1, 0, 1).Write(stored);
        Assert.Equal((0, 2), Read([.. new TraceHeader(SampleTrace.Start).Write(), .. header, .. stored]));
    }

    private static (int Records, int Problems) Read(byte[] bytes)
    {
        var records = 0;
        try
        {
            using var trace = SampleTrace.Open(bytes);
            foreach (var record in trace.Records())
            {
                Assert.True(record is not TraceMessage message || message.Bytes.Length <= TraceFormat.MaxMessage);
                records++;
            }

            return (records, trace.Problems.Count + (trace.Incomplete is null ? 0 : 1));
        }
        catch (TraceException exception)
        {
            Assert.StartsWith("sample: ", exception.Message, StringComparison.Ordinal);
            return (records, 1);
        }
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        var bytes = (byte[])original.Clone();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(bytes.Length);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes = bytes[..Math.Max(1, at)]; break;
                case 3 when at + 4 <= bytes.Length:
                    BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), random.Next(3) switch { 0 => -1, 1 => int.MaxValue, _ => 0 });
                    break;
                default: bytes = [.. bytes[..at], .. bytes[random.Next(bytes.Length)..]]; break;
            }

            if (bytes.Length == 0)
            {
                return [0];
            }
        }

        return bytes;
    }

    private static byte[] RawChunk(byte[] file)
    {
        using var trace = SampleTrace.Open(file);
        using var stream = new MemoryStream(file);
        return ChunkIndex.ReadRecords(stream, Assert.Single(trace.Chunks), out _)!;
    }

    private static byte[] Forge(byte[] raw, int records)
    {
        var header = new ChunkHeader(1, 0, raw.Length, raw.Length, 1, 1, 0, records).Write(raw);
        return [.. new TraceHeader(SampleTrace.Start).Write(), .. header, .. raw];
    }
}
