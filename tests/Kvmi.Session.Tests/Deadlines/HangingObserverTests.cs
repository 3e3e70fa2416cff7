using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Deadlines;

/// <summary>Code of users beside the handler: what makes it, and what is told of VMs.</summary>
public sealed class HangingObserverTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(40);
    private readonly ManualResetEventSlim _gate = new();

    [Fact]
    public async Task An_observer_that_hangs_at_the_arrival_costs_its_thread_and_the_vm_is_served()
    {
        var handler = new TestHandler { OnEvent = (IIntrospectedVm _, in EventFrame _, ref EventReply reply) => reply.NewValue = 7 };
        await using var server = Serve(handler, new Observer { OnConnected = _gate.Wait });
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.Cr(3, 0x1000, 0x2000));
        Assert.Equal((1u, (ushort)0, EventAction.Continue, 7ul), peer.ReadEventReply(EventKind.Cr));
        Assert.Equal((1, 1), (server.Server.Deadlines.AbandonedThreads, server.Server.Deadlines.AbandonedNow));
        server.WaitForWarning("the observer, which was told of its arrival, does not return");
        _gate.Set();
        TestServer.Until(() => server.Server.Deadlines.AbandonedNow == 0, "the thread has not come back");
        peer.SendEvent(0, EventBody.Cr(3, 0x1000, 0x3000));
        Assert.Equal((2u, (ushort)0, EventAction.Continue, 7ul), peer.ReadEventReply(EventKind.Cr));
    }

    [Fact]
    public async Task An_observer_that_hangs_at_the_end_keeps_its_thread_and_not_the_stop_of_the_server()
    {
        var handler = new TestHandler();
        await using var server = Serve(handler, new Observer { OnDisconnected = _gate.Wait });
        using var peer = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        await server.Server.StopAsync().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.True(peer.IsClosedByTool());
        Assert.Equal((1, 1), (server.Server.Deadlines.AbandonedThreads, server.Server.Deadlines.AbandonedNow));
        Assert.DoesNotContain(server.Log.Warnings, text => text.Contains("did not detach", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_vm_without_a_handler_is_answered_by_default_and_closed_and_another_is_served()
    {
        var good = new TestHandler { OnEvent = (IIntrospectedVm _, in EventFrame _, ref EventReply reply) => reply.NewValue = 7 };
        await using var server = Serve(new Factory(vm =>
        {
            if (vm.Identity.Name == "victim")
            {
                _gate.Wait();
            }

            return good.Create(vm);
        }));
        using var victim = FakePeer.Attached(server.Path, uuid: Guid.NewGuid(), name: "victim");
        victim.SendEvent(0, EventBody.Cr(3, 0x1000, 0x2000));
        using var other = FakePeer.Attached(server.Path, uuid: Guid.NewGuid(), name: "other");
        other.SendEvent(0, EventBody.Cr(3, 0x1000, 0x2000));
        Assert.Equal((1u, (ushort)0, EventAction.Continue, 7ul), other.ReadEventReply(EventKind.Cr));

        // By default the guest has its way.
        Assert.Equal((1u, (ushort)0, EventAction.Continue, 0x2000ul), victim.ReadEventReply(EventKind.Cr));
        Assert.True(victim.IsClosedByTool());
        server.WaitForWarning("there is no handler for it");
        Assert.Equal(1, server.Server.Deadlines.AbandonedNow);
        _gate.Set();
        TestServer.Until(() => server.Server.Deadlines.AbandonedNow == 0, "the thread has not come back");
        other.SendEvent(0, EventBody.Cr(3, 0x1000, 0x3000));
        Assert.Equal((2u, (ushort)0, EventAction.Continue, 7ul), other.ReadEventReply(EventKind.Cr));
    }

    public void Dispose()
    {
        _gate.Set();
        GC.SuppressFinalize(this);
    }

    private static TestServer Serve(IVmHandlerFactory factory, IVmObserver? observer = null) =>
        new(factory, options => options with { CallTimeout = Limit, Observer = observer });

    private sealed class Factory(Func<IIntrospectedVm, IVmHandler> make) : IVmHandlerFactory
    {
        public IVmHandler Create(IIntrospectedVm vm) => make(vm);
    }

    private sealed class Observer : IVmObserver
    {
        public Action? OnConnected { get; init; }

        public Action? OnDisconnected { get; init; }

        public void Connected(VmStatus vm) => OnConnected?.Invoke();

        public void Disconnected(VmStatus vm, DetachReason reason, string? detail) => OnDisconnected?.Invoke();
    }
}
