using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class BulkMemoryTests
{
    [Fact]
    public async Task Many_ranges_are_asked_for_together_and_each_has_its_result()
    {
        MemoryRange[] ranges = [new(0x1000, 16), new(0x5000, 0), new(0x2ff0, 32), new(0x9000, 8)];
        var memory = new byte[64];
        var results = new KvmiError[5];
        results[4] = KvmiError.Busy;
        var first = KvmiError.None;
        var handler = new TestHandler { OnAttached = vm => first = vm.ReadPhysical(ranges, memory, results) };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        var commands = Enumerable.Range(0, 4).Select(_ => peer.ReadHeader()).ToArray();
        Assert.Equal(1, peer.ReceivesSinceSetup);
        (ulong, ulong)[] expected = [(0x1000, 16), (0x2ff0, 16), (0x3000, 16), (0x9000, 8)];
        foreach (var ((gpa, size), (header, message)) in expected.Zip(commands))
        {
            peer.Dialect.Read(message.AsSpan(MessageHeader.Length), out ReadPhysical command);
            Assert.Equal(new ReadPhysical(gpa, size), command);
            if (gpa == 0x3000)
            {
                peer.Reply(header, KvmiError.NoEntry);
            }
            else
            {
                peer.Reply(header, Enumerable.Repeat((byte)(gpa >> 12), (int)size).ToArray());
            }
        }

        await handler.FirstAttached;
        Assert.Equal(KvmiError.NoEntry, first);
        Assert.Equal([KvmiError.None, KvmiError.None, KvmiError.NoEntry, KvmiError.None, KvmiError.Busy], results);
        Assert.Equal((1, 1, 9, 9, 0), (memory[0], memory[15], memory[48], memory[55], memory[56]));
    }

    [Fact]
    public async Task A_range_that_failed_is_not_read_any_further()
    {
        var results = new KvmiError[2];
        var memory = new byte[(1 << 20) + 4];
        var handler = new TestHandler
        {
            OnAttached = vm => vm.ReadPhysical([new(0, 1 << 20), new(0x1000, 4)], memory, results),
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);

        // 32 KiB of answers are on their way at once: seven pages.
        for (var page = 0; page < 7; page++)
        {
            var (header, message) = peer.ReadHeader();
            peer.Dialect.Read(message.AsSpan(MessageHeader.Length), out ReadPhysical command);
            Assert.Equal((ulong)page << 12, command.Gpa);
            peer.Reply(header, page < 3 ? KvmiError.InvalidArgument : KvmiError.NoEntry);
        }

        var last = peer.ReadCommand(CommandKind.ReadPhysical);
        peer.Reply(last, [1, 2, 3, 4]);
        await handler.FirstAttached;
        Assert.Equal([KvmiError.InvalidArgument, KvmiError.None], results);
        Assert.Equal([1, 2, 3, 4], memory[^4..]);
    }

    [Fact]
    public async Task Buffers_that_are_too_short_are_refused_before_anything_is_sent()
    {
        var errors = new List<Exception?>();
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                errors.Add(Record.Exception(() => vm.ReadPhysical([new(0, 8)], new byte[7], new KvmiError[1])));
                errors.Add(Record.Exception(() => vm.ReadPhysical([new(0, 8)], new byte[8], [])));
                errors.Add(Record.Exception(() => vm.ReadPhysical([new(0, -1)], new byte[8], new KvmiError[1])));
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        Assert.All(errors, error => Assert.IsType<ArgumentException>(error));
        Assert.Equal(1, server.Server.Vms[0].Counters.Commands);
    }
}
