using System.Buffers.Binary;
using Kvmi.Protocol.Handshake;

namespace Kvmi.Protocol.Tests.Handshake;

public sealed class HandshakeAnswerTests
{
    [Fact]
    public void Captured_answer_is_what_is_written_without_a_secret()
    {
        var answer = new byte[HandshakeAnswer.Length];
        Assert.Equal(24, HandshakeAnswer.Write(answer, default));
        Assert.Equal(CaptureFiles.Read("kvmi-v7-handshake.hex")[1].Bytes, answer);
    }

    [Fact]
    public void Hash_is_the_sha1_of_the_secrets_bytes()
    {
        var hash = new byte[CookieHash.Length];
        CookieHash.Compute("abc"u8, hash);
        Assert.Equal("A9993E364706816ABA3E25717850C26C9CD0D89D", Convert.ToHexString(hash));
        Assert.Throws<ArgumentException>(() => CookieHash.Compute("abc"u8, new byte[19]));

        var answer = new byte[24];
        HandshakeAnswer.Write(answer, hash);
        Assert.Equal(HandshakeStatus.Ok, HandshakeAnswer.TryRead(answer, out var read));
        Assert.True(CookieHash.FixedTimeEquals(hash, read));
        hash[19] ^= 1;
        Assert.False(CookieHash.FixedTimeEquals(hash, read));
        Assert.False(CookieHash.FixedTimeEquals(hash, default));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(23u)]
    [InlineData(65537u)]
    [InlineData(uint.MaxValue)]
    public void Sizes_below_24_and_beyond_the_bound_are_refused(uint size)
    {
        var record = new byte[100];
        BinaryPrimitives.WriteUInt32LittleEndian(record, size);
        Assert.Equal(HandshakeStatus.BadSize, HandshakeAnswer.TryReadSize(record, out _, out var error));
        Assert.Contains($"{size} bytes", error, StringComparison.Ordinal);
        Assert.Equal(HandshakeStatus.BadSize, HandshakeAnswer.TryRead(record, out _));
    }

    [Fact]
    public void Surplus_is_discarded_and_a_part_is_incomplete()
    {
        var record = new byte[40];
        record.AsSpan(4, 20).Fill(7);
        BinaryPrimitives.WriteUInt32LittleEndian(record, 40);
        Assert.Equal(HandshakeStatus.Ok, HandshakeAnswer.TryRead(record, out var hash));
        Assert.Equal(20, hash.Length);
        Assert.False(hash.ContainsAnyExcept((byte)7));
        for (var length = 0; length < 40; length++)
        {
            Assert.Equal(HandshakeStatus.Incomplete, HandshakeAnswer.TryRead(record.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void Writer_checks_lengths()
    {
        Assert.Throws<ArgumentException>(() => HandshakeAnswer.Write(new byte[23], default));
        Assert.Throws<ArgumentException>(() => HandshakeAnswer.Write(new byte[24], new byte[19]));
    }
}
