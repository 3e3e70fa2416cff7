using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests;

public class ReconnectTests
{
    [Fact]
    public async Task A_vm_that_connects_again_ends_its_older_connection_first()
    {
        var order = new List<string>();
        var handler = new TestHandler
        {
            OnAttached = vm => Note(order, $"attached {vm.Identity.Arrival}"),
            OnDetaching = (_, reason) => Note(order, $"detaching {reason}"),
        };
        await using var server = new TestServer(handler);
        using var first = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        using var second = FakePeer.Attached(server.Path);
        TestServer.Until(() => handler.Detached.Count == 1 && order.Count == 3, "the change of connections");
        Assert.True(first.IsClosedByTool());
        Assert.Equal(["attached First", "detaching PeerLost", "attached Again"], order);
        Assert.Contains("the VM has connected again", server.WaitForWarning("is lost"), StringComparison.Ordinal);
        Assert.Contains(server.Log.Lines, line => line.Id == 2004);
        second.SendEvent(0, EventBody.Msr(0xC0000082, 1, 2));
        Assert.Equal(2UL, second.ReadEventReply(EventKind.Msr).NewValue);
        Assert.Single(server.Server.Vms);
    }

    [Fact]
    public async Task A_vm_comes_back_after_a_lost_connection_and_is_told_from_a_reset_one()
    {
        var arrivals = new List<VmArrival>();
        var handler = new TestHandler { OnAttached = vm => Note(arrivals, vm.Identity.Arrival) };
        await using var server = new TestServer(handler);
        foreach (var (start, index) in new[] { (100L, 1), (100L, 2), (200L, 3) })
        {
            using var peer = new FakePeer(server.Path);
            peer.SayHello(startTime: start);
            peer.ReadAnswer();
            peer.Setup();
            TestServer.Until(() => arrivals.Count == index, "attached");
            peer.Dispose();
            TestServer.Until(() => server.Gone.Count == index, "gone");
        }

        Assert.Equal([VmArrival.First, VmArrival.Again, VmArrival.AfterReset], arrivals);
        Assert.Contains(server.Log.Lines, line => line.Id == 2006);
    }

    [Theory]
    [InlineData("00000000-0000-0000-0000-000000000000", "guest")]
    [InlineData("11223344-5566-7788-99aa-bbccddeeff00", "clone")]
    public async Task Vms_that_cannot_be_the_same_are_both_served(string uuid, string secondName)
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler);
        using var first = FakePeer.Attached(server.Path, uuid: Guid.Parse(uuid));
        TestServer.Until(() => server.Server.Vms.Count == 1, "first VM");
        using var second = FakePeer.Attached(server.Path, uuid: Guid.Parse(uuid), name: secondName);
        TestServer.Until(() => server.Server.Vms.Count == 2, "second VM");
        server.WaitForWarning("belongs to more than one attached VM");
        foreach (var peer in new[] { first, second })
        {
            peer.SendEvent(0, EventBody.Cr(3, 1, 2));
            Assert.Equal(2UL, peer.ReadEventReply(EventKind.Cr).NewValue);
        }
    }

    [Fact]
    public async Task An_older_connection_whose_handler_does_not_return_keeps_the_vm_out()
    {
        using var release = new ManualResetEventSlim();
        using var entered = new ManualResetEventSlim();
        var handler = new TestHandler
        {
            OnIdle = _ =>
            {
                entered.Set();
                release.Wait(TimeSpan.FromSeconds(20));
            },
        };
        await using var server = new TestServer(handler, options => options with { StopTimeout = TimeSpan.FromMilliseconds(200) });
        using var first = FakePeer.Attached(server.Path);
        Assert.True(entered.Wait(TimeSpan.FromSeconds(20)));
        using (var second = new FakePeer(server.Path))
        {
            second.SayHello();
            second.ReadAnswer();
            second.Setup(checkEvent: kind => kind == EventKind.Unhook ? KvmiError.NotPermitted : KvmiError.None);
            server.WaitForWarning("has not ended; its handler may not return");
            Assert.True(second.IsClosedByTool());
        }

        release.Set();
        TestServer.Until(() => server.Server.Vms.Count == 0, "the older connection ends");
        using var third = FakePeer.Attached(server.Path);
        TestServer.Until(() => server.Server.Vms.Count == 1, "the VM is back");
    }

    private static void Note<T>(List<T> list, T item)
    {
        lock (list)
        {
            list.Add(item);
        }
    }
}
