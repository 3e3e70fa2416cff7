using System.Collections.Frozen;
using Kvmi.Guest.Memory;
using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Tests.Runtime;

/// <summary>Physical memory of a VM, read in many ranges: here because here is a VM without a socket.</summary>
public sealed class VmPhysicalMemoryTests
{
    private readonly FakeVm _vm = new();

    [Fact]
    public void Ranges_leave_together_and_each_has_its_result()
    {
        _vm.Put(0x1FFF, [1, 2]);
        _vm.Fail = command => command.StartsWith("read 0x5", StringComparison.Ordinal) ? KvmiError.NoEntry : KvmiError.None;
        var bytes = new byte[6];
        var results = new bool[4];
        Assert.False(new VmPhysicalMemory(_vm).TryRead([new(0x1FFF, 2), new(0x5000, 2), new(0x2000, 1), new(0x3000, 0)], bytes, results));
        Assert.Equal([true, false, true, true], results);
        Assert.Equal([1, 2, 2], (byte[])[bytes[0], bytes[1], bytes[4]]);
        Assert.Equal(1, _vm.Exchanges);
    }

    [Fact]
    public void More_ranges_than_leave_together_are_read_in_order()
    {
        MemoryRange[] ranges = [.. Enumerable.Range(0, 150).Select(i => new MemoryRange((ulong)i * 4096, 1))];
        for (var i = 0; i < ranges.Length; i++)
        {
            _vm.Put(ranges[i].Gpa, [(byte)i]);
        }

        var bytes = new byte[150];
        Assert.True(new VmPhysicalMemory(_vm).TryRead(ranges, bytes, new bool[150]));
        Assert.Equal(Enumerable.Range(0, 150).Select(i => (byte)i), bytes);
        Assert.Equal(3, _vm.Exchanges);
    }

    [Fact]
    public void A_range_past_the_end_of_the_address_space_is_not_asked_for()
    {
        _vm.Put(0x1000, [7]);
        var bytes = new byte[3];
        var results = new bool[2];
        Assert.False(new VmPhysicalMemory(_vm).TryRead([new(ulong.MaxValue, 2), new(0x1000, 1)], bytes, results));
        Assert.Equal([false, true], results);
        Assert.Equal(7, bytes[2]);
        Assert.Equal(["read 0x1000 1"], _vm.Commands);
    }

    [Fact]
    public void Where_reads_are_forbidden_nothing_is_sent()
    {
        _vm.Capabilities = _vm.Capabilities with { Commands = FrozenSet<CommandKind>.Empty };
        var results = new bool[2];
        Assert.False(new VmPhysicalMemory(_vm).TryRead([new(0x1000, 1), new(0x2000, 1)], new byte[2], results));
        Assert.Equal([false, false], results);
        Assert.Empty(_vm.Commands);
    }
}
