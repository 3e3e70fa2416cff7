using Kvmi.Policy.Testing.Replay.Traces;

namespace Kvmi.Policy.Testing.Tests.Traces;

public sealed class RecordedMemoryTests
{
    private readonly RecordedMemory _memory = new();

    [Fact]
    public void Only_bytes_that_were_read_can_be_read()
    {
        _memory.AddRead(0x1010, [1, 2, 3, 4]);
        Assert.Equal("020304", Read(0x1011, 3));
        Assert.Null(Read(0x1011, 4));
        Assert.Null(Read(0x100f, 2));
        _memory.EndEvent();
        Assert.Equal("01020304", Read(0x1010, 4));
        Assert.Null(Read(0x1000, 8));
    }

    [Fact]
    public void Reads_of_one_place_give_what_they_gave_then_in_order()
    {
        _memory.AddRead(0x1000, [1]);
        _memory.AddWrite(0x1000, [2]);
        _memory.AddRead(0x1000, [2]);
        Assert.Equal("01", Read(0x1000, 1));
        Assert.Equal("02", Read(0x1000, 1));
        Assert.Equal("02", Read(0x1000, 1));
        _memory.EndEvent();
        Assert.Equal("02", Read(0x1000, 1));
    }

    [Fact]
    public void What_a_policy_writes_and_the_recorded_ones_did_not_stands_in_later_reads()
    {
        _memory.AddRead(0x1000, [1, 1, 1, 1]);
        _memory.Override(0x1002, [9]);
        Assert.Equal("01010901", Read(0x1000, 4));
    }

    private string? Read(ulong gpa, int length)
    {
        var bytes = new byte[length];
        return _memory.TryRead(gpa, bytes) ? Convert.ToHexStringLower(bytes) : null;
    }
}
