using System.Collections.Concurrent;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Deadlines;

public sealed class HangingHandlerTests : IDisposable
{
    private const ulong Hang = 0xdead;
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(40);
    private readonly ManualResetEventSlim _gate = new();
    private readonly object _lock = new();
    private bool _release;

    [Theory]
    [InlineData("gate")]
    [InlineData("spin")]
    [InlineData("lock")]
    [InlineData("sleep")]
    public async Task A_handler_that_never_returns_costs_its_vcpu_the_deadline_and_nothing_more(string how)
    {
        var threads = new ConcurrentQueue<int>();
        var replaced = new TaskCompletionSource<int>();
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                threads.Enqueue(Environment.CurrentManagedThreadId);
                if (frame.NewValue == Hang)
                {
                    HangBy(how);
                }

                reply.NewValue = 7;
            },
            OnDeadline = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) => reply.NewValue = frame.OldValue,
            OnReplaced = _ => replaced.SetResult(Environment.CurrentManagedThreadId),
        };
        await using var server = Serve(handler);
        Monitor.Enter(_lock);
        try
        {
            using var peer = FakePeer.Attached(server.Path, vcpus: 2);
            peer.SendEvent(0, EventBody.Cr(3, 0x1000, Hang));
            peer.SendEvent(1, EventBody.Cr(3, 0x1000, 0x2000));
            Assert.Equal((1u, (ushort)0, EventAction.Continue, 0x1000ul), peer.ReadEventReply(EventKind.Cr));
            Assert.Equal((2u, (ushort)1, EventAction.Continue, 7ul), peer.ReadEventReply(EventKind.Cr));

            // The vCPU that hung goes on like any other; the next reply that comes is the one to this event.
            peer.SendEvent(0, EventBody.Cr(3, 0x1000, 0x3000));
            Assert.Equal((3u, (ushort)0, EventAction.Continue, 7ul), peer.ReadEventReply(EventKind.Cr));
            var counters = Assert.Single(server.Server.Vms).Counters;
            Assert.Equal((3, 3, 1), (counters.Events, counters.Replies, counters.Timeouts));
            Assert.Equal(1, server.Server.Deadlines.AbandonedNow);

            Assert.Equal(3, threads.Count);
            Assert.NotEqual(threads.First(), await replaced.Task);
            Assert.All(threads.Skip(1), thread => Assert.Equal(replaced.Task.Result, thread));
        }
        finally
        {
            Monitor.Exit(_lock);
        }

        if (how != "sleep")
        {
            Release();
            TestServer.Until(() => server.Server.Deadlines is { AbandonedNow: 0, LateResults: 1 }, "the thread has not come back");
        }
    }

    [Fact]
    public async Task A_thread_that_comes_back_may_touch_nothing()
    {
        var later = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (frame.NewValue == Hang)
                {
                    _gate.Wait();
                    var message = frame.NewValue;
                    var error = Record.Exception(() => vm.WritePhysical(0x1000, new byte[8]));
                    later.SetResult(message == Hang ? error : new InvalidOperationException("The view of the event was overwritten."));
                }
            },
        };
        await using var server = Serve(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.Cr(3, 0, Hang));
        Assert.Equal(1u, peer.ReadEventReply(EventKind.Cr).Sequence);
        peer.SendEvent(0, EventBody.Cr(3, 0, 0x2000));
        Assert.Equal(2u, peer.ReadEventReply(EventKind.Cr).Sequence);
        _gate.Set();
        Assert.IsType<HandlerAbandonedException>(await later.Task);
        TestServer.Until(() => server.Server.Deadlines.AbandonedNow == 0, "the thread has not ended");
        peer.SendEvent(0, EventBody.Cr(3, 0, 0x3000));
        Assert.Equal(3u, peer.ReadEventReply(EventKind.Cr).Sequence);
        Assert.Equal(3, Assert.Single(server.Server.Vms).Counters.Replies);
    }

    [Fact]
    public async Task A_vm_that_goes_away_while_its_handler_hangs_still_says_first_that_the_thread_is_another()
    {
        // The answer at the deadline finds the connection gone. Whoever keeps books on its calls needs to know of the one that never came back.
        var hung = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var calls = new ConcurrentQueue<string>();
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                hung.SetResult();
                _gate.Wait();
            },
            OnReplaced = _ => calls.Enqueue("replaced"),
            OnDetaching = (_, reason) => calls.Enqueue($"detaching: {reason}"),
        };
        await using var server = Serve(handler, options => options with { EventTimeout = TimeSpan.FromMilliseconds(300) });
        using (var peer = FakePeer.Attached(server.Path))
        {
            peer.SendEvent(0, EventBody.Cr(3, 0, Hang));
            await hung.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }

        Assert.Equal(DetachReason.PeerLost, await handler.FirstDetached);
        Assert.Equal(["replaced", "detaching: PeerLost"], calls);
        Release();
    }

    [Fact]
    public async Task A_handler_that_hangs_while_the_vm_is_attached_loses_its_thread()
    {
        var handler = new TestHandler
        {
            OnAttached = _ => _gate.Wait(),
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) => reply.NewValue = 7,
        };
        await using var server = Serve(handler);
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.Cr(3, 0, 1));
        Assert.Equal(7ul, peer.ReadEventReply(EventKind.Cr).NewValue);
        Assert.Equal(1, server.Server.Deadlines.AbandonedThreads);
        Release();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_server_stops_although_a_handler_hangs(bool inDetaching)
    {
        var hung = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (!inDetaching)
                {
                    hung.SetResult();
                    _gate.Wait();
                }
            },
            OnDetaching = (_, _) =>
            {
                if (inDetaching)
                {
                    _gate.Wait();
                }
            },
        };
        await using var server = Serve(handler);
        using var peer = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        if (!inDetaching)
        {
            peer.SendEvent(0, EventBody.Cr(3, 0, 1));
            await hung.Task;
        }

        await server.Server.StopAsync().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.True(peer.IsClosedByTool());
        Assert.DoesNotContain(server.Log.Lines, line => line.Id is 2025 or 2026);
        Assert.Equal(DetachReason.Stopping, Assert.Single(server.Gone).Reason);
        Release();
    }

    [Fact]
    public async Task Of_16_vcpus_one_hangs_and_every_one_is_answered_once()
    {
        const int Vcpus = 16;
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (frame.NewValue == Hang)
                {
                    HangBy("spin");
                }
            },
        };
        await using var server = Serve(handler);
        using var peer = FakePeer.Attached(server.Path, Vcpus);
        for (var round = 0; round < 3; round++)
        {
            var batch = new List<byte>();
            for (ushort vcpu = 0; vcpu < Vcpus; vcpu++)
            {
                batch.AddRange(peer.Event(vcpu, EventBody.Cr(3, 0, vcpu == 5 ? Hang : vcpu)));
            }

            peer.SendRaw([.. batch]);
            var answered = Enumerable.Range(0, Vcpus).Select(_ => peer.ReadEventReply(EventKind.Cr).Vcpu).Order();
            Assert.Equal(Enumerable.Range(0, Vcpus).Select(vcpu => (ushort)vcpu), answered);
        }

        var counters = Assert.Single(server.Server.Vms).Counters;
        Assert.Equal((3 * Vcpus, 3 * Vcpus, 3), (counters.Events, counters.Replies, counters.Timeouts));
        Release();
    }

    [Fact]
    public async Task Another_vm_does_not_notice()
    {
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (frame.NewValue == Hang)
                {
                    _gate.Wait();
                }
            },
        };
        await using var server = Serve(handler, options => options with { EventTimeout = TimeSpan.FromSeconds(1) });
        using var victim = FakePeer.Attached(server.Path, uuid: Guid.NewGuid(), name: "victim");
        using var other = FakePeer.Attached(server.Path, uuid: Guid.NewGuid(), name: "other");
        victim.SendEvent(0, EventBody.Cr(3, 0, Hang));
        for (var i = 0; i < 500; i++)
        {
            other.SendEvent(0, EventBody.Cr(3, 0, 1));
            other.ReadEventReply(EventKind.Cr);
        }

        var before = server.Server.Deadlines.Timeouts;
        victim.ReadEventReply(EventKind.Cr);
        other.SendEvent(0, EventBody.Cr(3, 0, 1));
        other.ReadEventReply(EventKind.Cr);
        Assert.Equal((0, 1), (before, server.Server.Deadlines.Timeouts));
        Assert.Equal(0, server.Server.Vms.Single(vm => vm.Identity.Name == "other").Counters.Timeouts);
        Release();
    }

    [Fact]
    public async Task When_too_many_threads_hang_the_vm_is_detached_in_order_and_no_other_is_taken_in()
    {
        var detachingWrote = new TaskCompletionSource<KvmiError>(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) => _gate.Wait(),
            OnDetaching = (vm, _) => detachingWrote.SetResult(vm.WritePhysical(0x1000, new byte[8])),
        };
        await using var server = Serve(handler, options => options with { MaxAbandonedThreads = 2 });
        using var peer = FakePeer.Attached(server.Path);
        for (var i = 0; i < 3; i++)
        {
            peer.SendEvent(0, EventBody.Cr(3, 0, 1));
            peer.ReadEventReply(EventKind.Cr);
        }

        peer.Reply(peer.ReadCommand(CommandKind.WritePhysical), KvmiError.None);
        Assert.Equal(KvmiError.None, await detachingWrote.Task);
        Assert.True(peer.IsClosedByTool());
        server.WaitForWarning("2 threads hang in handlers; this VM is given up");
        using var next = new FakePeer(server.Path);
        Assert.True(next.IsClosedByTool());
        server.WaitForWarning("2 threads hang in handlers; restart the tool");
        Release();
        TestServer.Until(() => server.Server.Deadlines.AbandonedNow == 0, "the threads have not come back");
        using var last = FakePeer.Attached(server.Path);
        TestServer.Until(() => server.Server.Vms.Count == 1, "no VM is taken in again");
    }

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private static TestServer Serve(TestHandler handler, Func<KvmiServerOptions, KvmiServerOptions>? configure = null) =>
        new(handler, options =>
        {
            options = options with { EventTimeout = Limit, CallTimeout = Limit };
            return configure?.Invoke(options) ?? options;
        });

    private void Release()
    {
        Volatile.Write(ref _release, true);
        _gate.Set();
    }

    private void HangBy(string how)
    {
        switch (how)
        {
            case "gate":
                _gate.Wait();
                break;
            case "spin":
                while (!Volatile.Read(ref _release))
                {
                }

                break;
            case "lock":
                lock (_lock)
                {
                }

                break;
            default:
#pragma warning disable RS0030 // The hostile handler itself.
                Thread.Sleep(Timeout.Infinite);
#pragma warning restore RS0030
                break;
        }
    }
}
