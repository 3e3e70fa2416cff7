using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests;

public class KvmiServerTests
{
    [Fact]
    public async Task A_vm_attaches_an_event_is_answered_and_stop_detaches()
    {
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm _, in EventFrame frame, ref EventReply reply) => reply.NewValue = frame.OldValue,
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        var vm = await handler.FirstAttached;
        Assert.Equal("guest", vm.Identity.Name);
        Assert.Equal(FakePeer.Uuid, vm.Identity.Uuid);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000), vm.Identity.StartTime);
        Assert.Equal(2, vm.VcpuCount);
        Assert.Equal(1u << 20, vm.Capabilities.MaxGfn);
        Assert.Equal(1UL << 32, vm.Capabilities.Features);
        Assert.Contains(EventKind.Cr, vm.Capabilities.Events.AsEnumerable());

        peer.SendEvent(1, EventBody.Cr(3, 7, 8));
        Assert.Equal((1u, 1, EventAction.Continue, 7UL), peer.ReadEventReply(EventKind.Cr));
        await server.Server.WaitForEventsAsync(1).WaitAsync(TimeSpan.FromSeconds(20));
        var status = Assert.Single(server.Server.Vms);
        Assert.Equal("v7", status.Dialect);
        Assert.Equal(1, status.Counters.Events);
        Assert.Equal(1, status.Counters.Replies);

        await server.Server.StopAsync();
        Assert.True(peer.IsClosedByTool());
        Assert.Equal([DetachReason.Stopping], handler.Detached);
        Assert.False(File.Exists(server.Path));
        Assert.Empty(server.Server.Vms);
        Assert.Equal(DetachReason.Stopping, Assert.Single(server.Gone).Reason);
        Assert.Empty(server.Log.Warnings);
    }

    [Fact]
    public async Task A_command_without_permission_is_not_among_the_capabilities()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler);
        using var peer = new FakePeer(server.Path);
        peer.SayHello();
        peer.ReadAnswer();
        peer.Setup(
            checkCommand: kind => kind is CommandKind.SetPageAccess or CommandKind.GetMaxGfn ? KvmiError.NotPermitted : KvmiError.None,
            checkEvent: kind => kind switch
            {
                EventKind.PageFault => KvmiError.NotPermitted,
                EventKind.Unhook => KvmiError.InvalidArgument,
                _ => KvmiError.None,
            });
        // The dialect probe itself asks for GET_MAX_GFN; the capability probe does not send what is forbidden.
        var vm = await handler.FirstAttached;
        Assert.DoesNotContain(CommandKind.SetPageAccess, vm.Capabilities.Commands.AsEnumerable());
        Assert.Contains(CommandKind.WritePhysical, vm.Capabilities.Commands.AsEnumerable());
        Assert.DoesNotContain(EventKind.PageFault, vm.Capabilities.Events.AsEnumerable());
        Assert.DoesNotContain(EventKind.Unhook, vm.Capabilities.Events.AsEnumerable());
        Assert.Null(vm.Capabilities.MaxGfn);
        Assert.DoesNotContain(CommandKind.GetMaxGfn, peer.SetupCommands);
    }

    [Fact]
    public async Task Many_vms_are_served_at_once()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler);
        using var first = FakePeer.Attached(server.Path);
        TestServer.Until(() => server.Server.Vms.Count == 1, "first VM");
        using var second = FakePeer.Attached(server.Path, uuid: Guid.NewGuid());
        using var third = FakePeer.Attached(server.Path, uuid: Guid.NewGuid());
        TestServer.Until(() => server.Server.Vms.Count == 3, "all VMs");
        foreach (var peer in new[] { third, first, second })
        {
            peer.SendEvent(0, EventBody.Msr(0xC0000082, 1, 2));
            Assert.Equal(2UL, peer.ReadEventReply(EventKind.Msr).NewValue);
        }

        Assert.Equal(3, server.Server.EventsAnswered);
        first.Dispose();
        TestServer.Until(() => server.Server.Vms.Count == 2, "one VM less");
        second.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
        second.ReadEventReply(EventKind.Hypercall);
    }

    [Fact]
    public async Task More_vms_than_allowed_are_refused()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler, options => options with { MaxVms = 1 });
        using var first = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        using var second = new FakePeer(server.Path);
        second.SayHello(uuid: Guid.NewGuid());
        second.ReadAnswer();
        second.Setup(checkEvent: kind => kind == EventKind.Unhook ? KvmiError.NotPermitted : KvmiError.None, checkCommand: null);
        server.WaitForWarning("1 VMs are attached already");
        Assert.True(second.IsClosedByTool());
        Assert.Single(server.Server.Vms);
    }

    [Fact]
    public async Task Waiting_for_events_ends_at_the_number_and_can_be_given_up()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        var three = server.Server.WaitForEventsAsync(3);
        using var cancel = new CancellationTokenSource();
        var never = server.Server.WaitForEventsAsync(100, cancel.Token);
        for (var i = 0; i < 2; i++)
        {
            peer.SendEvent(0, EventBody.Cr(3, 1, 2));
            peer.ReadEventReply(EventKind.Cr);
        }

        Assert.False(three.IsCompleted);
        peer.SendEvent(0, EventBody.Cr(3, 1, 2));
        await three.WaitAsync(TimeSpan.FromSeconds(20));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => never);
        await server.Server.WaitForEventsAsync(3).WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void Wrong_options_are_refused_with_the_reason()
    {
        var endpoint = KvmiEndpoint.Parse("unix:/nowhere");
        var options = new KvmiServerOptions { Endpoints = [endpoint] };
        Assert.Contains("v7", Refusal(options with { Dialect = (KvmiDialect)99 }), StringComparison.Ordinal);
        Assert.Contains("99", Refusal(options with { Dialect = (KvmiDialect)99 }), StringComparison.Ordinal);
        Assert.Contains("endpoint", Refusal(options with { Endpoints = [] }), StringComparison.Ordinal);
        Assert.Contains("limit", Refusal(options with { CommandTimeout = TimeSpan.Zero }), StringComparison.Ordinal);
        Assert.Contains("at least 1", Refusal(options with { MaxVms = 0 }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_that_the_handler_does_not_follow_closes_the_connection()
    {
        using var release = new ManualResetEventSlim();
        var handler = new TestHandler { OnDetaching = (_, _) => release.Wait(TimeSpan.FromSeconds(20)) };
        await using var server = new TestServer(handler, options => options with { StopTimeout = TimeSpan.FromMilliseconds(200) });
        using var peer = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        var stop = server.Server.StopAsync();
        Assert.True(peer.IsClosedByTool());
        release.Set();
        await stop;
        Assert.Contains(server.Log.Lines, line => line.Id == 2025);
    }

    private static string Refusal(KvmiServerOptions options) =>
        Assert.Throws<ArgumentException>(() => new KvmiServer(options, new TestHandler(), new LogSink(), TimeProvider.System)).Message;
}
