using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Tests.Traces;

public sealed class TraceFormatTests
{
    [Fact]
    public void The_header_is_these_bytes()
    {
        var header = new TraceHeader(SampleTrace.Start).Write();
        Assert.Equal("4b564d4954524301200000000000000000b69e85018b991800000000", Convert.ToHexStringLower(header.AsSpan(0, 28)));
        Assert.Equal(SampleTrace.Start, TraceHeader.Read(header).Start);
    }

    [Fact]
    public void The_checksum_is_crc32c() => Assert.Equal(0xe306_9283u, TraceFormat.Checksum("123456789"u8));

    [Fact]
    public void The_checksum_over_two_parts_is_that_of_the_whole() => Assert.Equal(0xe306_9283u, TraceFormat.Checksum("1234"u8, "56789"u8));

    [Fact]
    public void A_chunk_header_is_these_bytes()
    {
        var bytes = new ChunkHeader(1, 0, 3, 3, 0x11, 0x22, 0x33, 0).Write([1, 2, 3]);
        Assert.Equal(
            "4b564348" + "01000000" + "03000000" + "03000000" + "1100000000000000" + "2200000000000000" + "3300000000000000" + "00000000",
            Convert.ToHexStringLower(bytes.AsSpan(0, 44)));
        Assert.True(ChunkHeader.TryRead(bytes, out var header));
        Assert.Equal(0x22, header.FirstEvent);
        Assert.True(ChunkHeader.IsIntact(bytes, [1, 2, 3]));
        Assert.False(ChunkHeader.IsIntact(bytes, [1, 2, 4]));
    }

    [Fact]
    public void A_message_with_memory_in_it_is_these_bytes()
    {
        var body = new byte[64];
        var length = MessageBody.Write(body, MessageDirection.KernelToTool, true, [1, 2, 3, 4, 5, 6], 7, 2, 3);
        Assert.Equal("01030000" + "07000000" + "02000000" + "03000000" + "010206", Convert.ToHexStringLower(body.AsSpan(0, length)));
    }

    [Fact]
    public void A_decision_is_these_bytes()
    {
        var body = new byte[DecisionBody.MaxLength];
        var length = DecisionBody.Write(body, SampleTrace.Decision);
        Assert.Equal(
            "09000000" + "0100" + "05" + "07" + "d204000000000000" + "2211000000000000" + "adde000000000000" + "02000000" + "0e" + "06" + "0000" + "03000000" + "02000000"
            + "08" + "77782d6775617264" + "04" + "6c617465"
            + "08" + "77782d6775617264" + "05" + "02" + "0700000000000000"
            + "08" + "57c3a46368746572" + "06" + "01" + "0000000000000000",
            Convert.ToHexStringLower(body.AsSpan(0, length)));
        Assert.Equivalent(SampleTrace.Decision, DecisionBody.Read(body.AsSpan(0, length)), strict: true);
    }

    [Fact]
    public void Every_record_comes_back()
    {
        using var trace = SampleTrace.Open(SampleTrace.Write());
        var records = trace.Records().ToList();
        Assert.Null(trace.Incomplete);
        Assert.Empty(trace.Problems);
        Assert.Equal(SampleTrace.Start, trace.Start);
        Assert.Equal(Enumerable.Range(1, records.Count).Select(i => (long)i), records.Select(record => record.Number));
        Assert.Equivalent(SampleTrace.Vm, Assert.Single(records.OfType<TraceVm>()) with { Number = 0, Connection = 0, Nanoseconds = 0 }, strict: true);
        Assert.Equal("wx-guard", Assert.Single(records.OfType<TracePolicy>()).Id);
        Assert.Equal(4, Assert.Single(records.OfType<TraceGap>()).Lost);
        Assert.Equal("it closed", Assert.Single(records.OfType<TraceDetached>()).Detail);
        Assert.Equal(6, Assert.Single(records.OfType<TraceEnd>()).Messages);
        var messages = records.OfType<TraceMessage>().ToList();
        Assert.Equal(SampleTrace.PageReply(2), messages[4].Bytes);
        Assert.Equal([0, 1, 0, 2, 0, 3], messages.Select(message => message.Event));
        Assert.All(messages, message => Assert.Equal(1u, message.Connection));
    }

    [Fact]
    public void Equal_pages_are_stored_once()
    {
        using var trace = SampleTrace.Open(SampleTrace.Write(messages: 50));
        Assert.Single(trace.Records().OfType<TraceContents>());
    }

    [Theory]
    [InlineData(KeptContents.Hash, 32)]
    [InlineData(KeptContents.Nothing, 0)]
    public void Contents_that_are_not_kept_read_as_zeros_and_say_so(KeptContents keep, int hash)
    {
        using var trace = SampleTrace.Open(SampleTrace.Write(keep: keep));
        var message = trace.Records().OfType<TraceMessage>().First();
        Assert.Null(message.Contents!.Bytes);
        Assert.Equal(hash, message.Contents.Hash.Length);
        Assert.Equal(16 + 4096, message.Bytes.Length);
        Assert.DoesNotContain(message.Bytes.Skip(16), value => value != 0);
    }

    [Fact]
    public void The_index_and_a_walk_over_the_file_find_the_same_chunks()
    {
        var bytes = SampleTrace.Write(messages: 3000);
        using var indexed = SampleTrace.Open(bytes);
        using var walked = SampleTrace.Open(bytes[..^TraceFormat.TrailerLength]);
        Assert.True(indexed.Chunks.Count > 3);
        Assert.Equal(indexed.Chunks, walked.Chunks);
        Assert.Null(indexed.Incomplete);
        Assert.NotNull(walked.Incomplete);
        Assert.Equal(indexed.Records().Count(), walked.Records().Count());
    }

    [Fact]
    public void A_file_that_ends_anywhere_is_read_up_to_its_last_whole_chunk()
    {
        var bytes = SampleTrace.Write(messages: 2000, end: false);
        using var whole = SampleTrace.Open(bytes);
        var last = whole.Chunks[^1];
        foreach (var length in new[] { (int)last.Offset + 1, (int)last.Offset + 48, bytes.Length - 1 })
        {
            using var cut = SampleTrace.Open(bytes[..length]);
            Assert.Equal(whole.Chunks.SkipLast(1), cut.Chunks);
            Assert.Equal(last.FirstRecord - 1, cut.Records().Last().Number);
            Assert.Empty(cut.Problems);
        }
    }

    [Fact]
    public void A_damaged_chunk_is_passed_over_and_reported()
    {
        var bytes = SampleTrace.Write(messages: 3000);
        using var whole = SampleTrace.Open(bytes);
        var count = whole.Records().Count();
        var second = whole.Chunks[1];
        bytes[second.Offset + 60] ^= 1;
        using var damaged = SampleTrace.Open(bytes);
        Assert.Equal(count - second.Records, damaged.Records().Count());
        Assert.Contains("checksum", Assert.Single(damaged.Problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "no trace")]
    [InlineData("23206b65726e656c2d3e746f6f6c", "no trace")]
    [InlineData("4b564d4954524302", "version 2")]
    [InlineData("4b564d4954524301", "ends inside its header")]
    public void What_is_no_trace_is_refused_with_a_reason(string hex, string reason)
    {
        var exception = Assert.Throws<TraceException>(() => SampleTrace.Open(Convert.FromHexString(hex)));
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
        Assert.StartsWith("sample: ", exception.Message, StringComparison.Ordinal);
    }
}
