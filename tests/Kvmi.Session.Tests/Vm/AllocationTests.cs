using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Latency;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class AllocationTests
{
    private const int WarmUp = 2_000;
    private const int Measured = 10_000;

    [Theory]
    [InlineData(0, LatencyMode.Idle)]
    [InlineData(1, LatencyMode.Idle)]
    [InlineData(3, LatencyMode.Idle)]
    [InlineData(1, LatencyMode.Balanced)]
    [InlineData(1, LatencyMode.Low)]
    public async Task The_owner_thread_allocates_nothing_per_event(int reads, LatencyMode mode)
    {
        var events = 0;
        var idles = 0;
        var firstMeasured = 0;
        var done = false;
        var before = 0L;
        var after = 0L;
        var memory = new byte[64 * 3];
        var results = new KvmiError[3];
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (reads == 1)
                {
                    vm.ReadPhysical(frame.NewValue, memory.AsSpan(0, 64));
                }
                else if (reads > 1)
                {
                    vm.ReadPhysical([new(0x1000, 64), new(0x2000, 64), new(0x3000, 64)], memory, results);
                }

                reply.NewValue = frame.OldValue;
                events++;
                if (firstMeasured == 0 && events >= WarmUp && idles >= 2)
                {
                    // Code that has not run yet allocates a little once; both ways through the loop have now been taken.
                    firstMeasured = events;
                    before = GC.GetAllocatedBytesForCurrentThread();
                }
                else if (firstMeasured != 0 && events == firstMeasured + Measured)
                {
                    after = GC.GetAllocatedBytesForCurrentThread();
                    Volatile.Write(ref done, true);
                }
            },
            OnIdle = _ => idles++,
        };
        await using var server = new TestServer(handler, options => options with { Latency = mode });
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        var data = new byte[64];
        for (var i = 0; !Volatile.Read(ref done); i++)
        {
            peer.SendEvent((ushort)(i % 2), EventBody.Cr(3, 1, 0x1000));
            for (var read = 0; read < reads; read++)
            {
                peer.Reply(peer.ReadCommand(CommandKind.ReadPhysical), data);
            }

            peer.ReadEventReply(EventKind.Cr);
        }

        await server.Server.StopAsync();

        // The runtime's own account moves by some bytes when a collection, which the peer's garbage causes, cuts the thread's
        // allocation area. One object for each event would be 24 bytes each.
        Assert.InRange(after - before, 0, (Measured / 10) - 1);
    }
}
