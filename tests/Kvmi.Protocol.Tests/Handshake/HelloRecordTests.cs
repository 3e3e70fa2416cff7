using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol.Handshake;

namespace Kvmi.Protocol.Tests.Handshake;

public sealed class HelloRecordTests
{
    private const string Uuid = "11223344-5566-7788-99aa-bbccddeeff00";

    [Fact]
    public void Captured_hello_is_read()
    {
        Assert.Equal(HandshakeStatus.Ok, HelloRecord.TryRead(CaptureFiles.Read("kvmi-v7-handshake.hex")[0].Bytes, out var hello));
        Assert.Equal(96, hello!.Size);
        Assert.Equal(Guid.Parse(Uuid), hello.Uuid);
        Assert.Equal("rig-guest", hello.DisplayName);
        Assert.Equal(0x6b00d67f, hello.StartTime);
        Assert.Null(hello.MaxGpa);
        Assert.Empty(hello.E820);
    }

    [Fact]
    public void Captured_hello_is_written_again()
    {
        var bytes = CaptureFiles.Read("kvmi-v7-handshake.hex")[0].Bytes!;
        HelloRecord.TryRead(bytes, out var hello);
        var again = new byte[96];
        Assert.Equal(96, hello!.Write(again));
        Assert.Equal(bytes, again);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(40)]
    [InlineData(95)]
    [InlineData(96)]
    [InlineData(97)]
    [InlineData(104)]
    [InlineData(300)]
    [InlineData(65536)]
    public void Every_size_from_32_to_65536_is_taken(int size)
    {
        var record = Filled(size);
        Assert.Equal(HandshakeStatus.Ok, HelloRecord.TryReadSize(record, out var announced, out var error));
        Assert.Equal(size, announced);
        Assert.Null(error);
        Assert.Equal(HandshakeStatus.Ok, HelloRecord.TryRead(record, out var hello));
        Assert.Equal(size, hello!.Size);
        Assert.Equal(Math.Min(size - 32, 63), hello.Name.Length);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(31u)]
    [InlineData(65537u)]
    [InlineData(uint.MaxValue)]
    public void Other_sizes_are_refused_with_a_reason(uint size)
    {
        var record = new byte[200];
        BinaryPrimitives.WriteUInt32LittleEndian(record, size);
        Assert.Equal(HandshakeStatus.BadSize, HelloRecord.TryReadSize(record, out var announced, out var error));
        Assert.Equal(0, announced);
        Assert.Contains($"{size} bytes", error, StringComparison.Ordinal);
        Assert.Equal(HandshakeStatus.BadSize, HelloRecord.TryRead(record, out var hello));
        Assert.Null(hello);
    }

    [Fact]
    public void Missing_bytes_are_incomplete()
    {
        var record = Filled(96);
        for (var length = 0; length < 96; length++)
        {
            Assert.Equal(HandshakeStatus.Incomplete, HelloRecord.TryRead(record.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void Hello_of_v12_tells_the_end_of_memory()
    {
        var hello = RoundTrip(new HelloRecord { Size = 104, Uuid = Guid.Parse(Uuid), Name = HelloRecord.EncodeName("vm"), MaxGpa = 0x1_8000_0000 });
        Assert.Equal(0x1_8000_0000ul, hello.MaxGpa);
        Assert.Empty(hello.E820);
        Assert.Null(RoundTrip(new HelloRecord { Size = 104 }).MaxGpa);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void Hello_of_qemu_2_11_tells_the_memory_map(int count)
    {
        E820Entry[] map = [.. Enumerable.Range(1, count).Select(i => new E820Entry((ulong)i << 20, 0x1000, (uint)i))];
        var hello = RoundTrip(new HelloRecord { Size = HelloRecord.SizeWithE820(count), CpuType = 1, E820 = map });
        Assert.Equal(map, hello.E820);
        Assert.Equal(1, hello.CpuType);
        Assert.Null(hello.MaxGpa);
    }

    [Fact]
    public void Count_that_does_not_fit_the_size_is_no_memory_map()
    {
        var record = Filled(HelloRecord.SizeWithE820(2));
        record[96] = 3;
        HelloRecord.TryRead(record, out var hello);
        Assert.Empty(hello!.E820);
    }

    [Theory]
    [InlineData("plain näme", "plain näme")]
    [InlineData("a\u001b[2Jb", "a\\u{1b}[2Jb")]
    [InlineData("line\nbreak", "line\\u{a}break")]
    [InlineData("right\u202eleft", "right\\u{202e}left")]
    [InlineData("back\\slash", "back\\\\slash")]
    public void Name_is_safe_to_print(string name, string shown) =>
        Assert.Equal(shown, RoundTrip(new HelloRecord { Name = HelloRecord.EncodeName(name) }).DisplayName);

    [Fact]
    public void Bytes_that_are_no_utf8_are_escaped()
    {
        byte[] name = [(byte)'a', 0xff, 0xc3, (byte)'b'];
        Assert.Equal("a\\xff\\xc3b", RoundTrip(new HelloRecord { Name = name }).DisplayName);
    }

    [Fact]
    public void Long_name_is_cut_at_a_character()
    {
        var hello = RoundTrip(new HelloRecord { Name = HelloRecord.EncodeName(new string('ä', 100)) });
        Assert.Equal(new string('ä', 31), hello.DisplayName);
    }

    [Fact]
    public void Impossible_forms_and_small_destinations_are_refused()
    {
        Assert.Throws<InvalidOperationException>(() => new HelloRecord { Size = 31 }.Write(new byte[100]));
        Assert.Throws<InvalidOperationException>(() => new HelloRecord { Size = 96, E820 = [default] }.Write(new byte[200]));
        Assert.Throws<ArgumentException>(() => new HelloRecord().Write(new byte[95]));
    }

    [Fact]
    public void Any_bytes_are_read_without_exception() =>
        Prop.ForAll<byte[], ushort>((bytes, size) =>
        {
            var record = new byte[bytes.Length + 200];
            bytes.CopyTo(record, 4);
            BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)(size % 300));
            if (HelloRecord.TryRead(record, out var hello) == HandshakeStatus.Ok)
            {
                var again = new byte[65536];
                hello!.Write(again);
                HelloRecord.TryRead(again, out var second);
                Assert.Equal(hello.DisplayName, second!.DisplayName);
                Assert.Equal((hello.Size, hello.Uuid, hello.StartTime, hello.MaxGpa), (second.Size, second.Uuid, second.StartTime, second.MaxGpa));
            }
        }).QuickCheckThrowOnFailure();

    private static HelloRecord RoundTrip(HelloRecord hello)
    {
        var record = new byte[hello.Size];
        Assert.Equal(hello.Size, hello.Write(record));
        Assert.Equal(HandshakeStatus.Ok, HelloRecord.TryRead(record, out var read));
        Assert.Equal((hello.Uuid, hello.Size, hello.CpuType, hello.StartTime), (read!.Uuid, read.Size, read.CpuType, read.StartTime));
        return read;
    }

    private static byte[] Filled(int size)
    {
        var record = new byte[size];
        record.AsSpan().Fill((byte)'x');
        BinaryPrimitives.WriteInt32LittleEndian(record, size);
        return record;
    }
}
