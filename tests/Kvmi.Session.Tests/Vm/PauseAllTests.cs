using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;
using Kvmi.Session.Vm.Pausing;

namespace Kvmi.Session.Tests.Vm;

public class PauseAllTests
{
    private static readonly TimeSpan Ample = TimeSpan.FromSeconds(20);

    public static TheoryData<KvmiDialect> Dialects => [.. Dialect.All.Select(dialect => dialect.Id)];

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task Every_vcpu_stands_until_resume_and_the_handler_sees_no_pause(KvmiDialect id)
    {
        PauseResult? result = null;
        var seen = new List<EventKind>();
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                result = vm.PauseAll(Ample);
                vm.ControlCr(0, 3, true);
                vm.ResumeAll();
            },
            OnEvent = (IIntrospectedVm _, in EventFrame frame, ref EventReply _) => seen.Add(frame.Kind),
        };
        await using var server = new TestServer(handler, options => options with { Dialect = id });
        using var peer = FakePeer.Attached(server.Path, vcpus: 3, dialect: Dialect.Find(id)!);
        AnswerPauses(peer, 3);
        peer.SendEvent(2, EventBody.Plain(EventKind.PauseVcpu));
        peer.SendEvent(0, EventBody.Plain(EventKind.PauseVcpu));
        peer.SendEvent(1, EventBody.Plain(EventKind.PauseVcpu));

        // The command comes before any answer: all three stand until then.
        peer.Reply(peer.ReadCommand(CommandKind.ControlCr), KvmiError.None);
        var sequences = Enumerable.Range(0, 3).Select(_ => peer.ReadEventReply(EventKind.PauseVcpu).Sequence).ToList();
        Assert.Equal([1u, 2u, 3u], sequences);
        await handler.FirstAttached;
        Assert.True(result!.IsComplete);
        Assert.Equal([0, 1, 2], result.Stopped.Select(vcpu => (int)vcpu));
        Assert.Empty(result.NotStarted);
        Assert.Equal(KvmiError.None, result.Error);
        Assert.Empty(seen);
    }

    [Fact]
    public async Task A_vcpu_that_waits_in_another_event_stands_too_and_its_late_pause_event_is_answered()
    {
        PauseResult? result = null;
        var seen = new List<EventKind>();
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply _) =>
            {
                seen.Add(frame.Kind);
                if (frame.Vcpu == 0 && frame.Kind == EventKind.Hypercall)
                {
                    result = vm.PauseAll(Ample);
                    vm.ResumeAll();
                }
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        peer.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
        AnswerPauses(peer, 2);
        peer.SendEvent(1, EventBody.Cr(3, 1, 2));
        Assert.Equal(0, peer.ReadEventReply(EventKind.Hypercall).Vcpu);
        Assert.Equal(1, peer.ReadEventReply(EventKind.Cr).Vcpu);
        Assert.Equal([0, 1], result!.Stopped.Select(vcpu => (int)vcpu));

        // Both pause requests are still there: their events come now, for nobody but the session.
        foreach (ushort vcpu in new ushort[] { 1, 0 })
        {
            peer.SendEvent(vcpu, EventBody.Plain(EventKind.PauseVcpu));
            Assert.Equal(vcpu, peer.ReadEventReply(EventKind.PauseVcpu).Vcpu);
        }

        // A pause that was not asked for by PauseAll is the handler's again.
        peer.SendEvent(0, EventBody.Plain(EventKind.PauseVcpu));
        peer.ReadEventReply(EventKind.PauseVcpu);
        Assert.Equal([EventKind.Hypercall, EventKind.Cr, EventKind.PauseVcpu], seen);
    }

    [Fact]
    public async Task A_stop_outlasts_the_handler_member_and_holds_other_events_back()
    {
        var seen = new List<EventKind>();
        var resume = false;
        var paused = false;
        var handler = new TestHandler
        {
            OnIdle = vm =>
            {
                if (Volatile.Read(ref resume))
                {
                    vm.ResumeAll();
                }
                else if (!paused)
                {
                    paused = true;
                    vm.PauseAll(Ample);
                }
            },
            OnEvent = (IIntrospectedVm _, in EventFrame frame, ref EventReply _) => seen.Add(frame.Kind),
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        AnswerPauses(peer, 2);
        peer.SendEvent(0, EventBody.Cr(3, 1, 2));
        peer.SendEvent(1, EventBody.Plain(EventKind.PauseVcpu));
        var status = await Until(server);
        TestServer.Until(() => status.Counters.Events == 2, "both events");
        Assert.Equal(0, status.Counters.Replies);
        Volatile.Write(ref resume, true);
        var kinds = new[] { peer.ReadEventReply(EventKind.PauseVcpu).Vcpu, peer.ReadEventReply(EventKind.Cr).Vcpu };
        Assert.Equal([1, 0], kinds.Select(vcpu => (int)vcpu));
        Assert.Equal([EventKind.Cr], seen);
    }

    [Fact]
    public async Task A_vcpu_that_is_not_started_or_silent_is_named()
    {
        PauseResult? result = null;
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                result = vm.PauseAll(TimeSpan.FromMilliseconds(150));
                vm.ResumeAll();
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 4);
        KvmiError[] answers = [KvmiError.None, KvmiError.TryAgain, KvmiError.None, KvmiError.Busy];
        foreach (var answer in answers)
        {
            peer.Reply(peer.ReadCommand(CommandKind.PauseVcpu), answer);
        }

        peer.SendEvent(0, EventBody.Plain(EventKind.PauseVcpu));
        peer.ReadEventReply(EventKind.PauseVcpu);
        await handler.FirstAttached;
        Assert.False(result!.IsComplete);
        Assert.Equal([0], result.Stopped.Select(vcpu => (int)vcpu));
        Assert.Equal([1], result.NotStarted.Select(vcpu => (int)vcpu));
        Assert.Equal([2, 3], result.Missing.Select(vcpu => (int)vcpu));
        Assert.Equal(KvmiError.Busy, result.Error);
    }

    [Fact]
    public async Task A_v7_kernel_is_not_asked_to_pause_when_that_would_end_the_connection()
    {
        PauseResult? result = null;
        var single = KvmiError.None;
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                result = vm.PauseAll(Ample);
                single = vm.PauseVcpu(0, false);
            },
        };
        await using var server = new TestServer(handler);
        using var peer = new FakePeer(server.Path);
        peer.SayHello();
        peer.ReadAnswer();
        peer.Setup(checkEvent: kind => kind == EventKind.PauseVcpu ? KvmiError.NotPermitted : KvmiError.None);
        await handler.FirstAttached;
        Assert.Equal((KvmiError.NotPermitted, KvmiError.NotPermitted), (result!.Error, single));
        Assert.False(result.IsComplete);
        Assert.Equal(1, server.Server.Vms[0].Counters.Commands);
    }

    [Fact]
    public async Task A_handler_that_fails_while_it_holds_the_vm_lets_it_go()
    {
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                vm.PauseAll(Ample);
                throw new InvalidOperationException("lost its way");
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        AnswerPauses(peer, 1);
        peer.SendEvent(0, EventBody.Plain(EventKind.PauseVcpu));
        peer.ReadEventReply(EventKind.PauseVcpu);
    }

    [Fact]
    public async Task A_stop_of_the_tool_lets_a_held_vm_go()
    {
        var handler = new TestHandler { OnAttached = vm => vm.PauseAll(Ample) };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        AnswerPauses(peer, 1);
        peer.SendEvent(0, EventBody.Plain(EventKind.PauseVcpu));
        await handler.FirstAttached;
        var stop = server.Server.StopAsync();
        peer.ReadEventReply(EventKind.PauseVcpu);
        await stop;
    }

    private static async Task<VmStatus> Until(TestServer server)
    {
        TestServer.Until(() => server.Server.Vms.Count == 1, "the VM");
        await Task.Yield();
        return server.Server.Vms[0];
    }

    /// <summary>Accepts the pause of every vCPU, in the way of the dialect.</summary>
    private static void AnswerPauses(FakePeer peer, int vcpus)
    {
        if (peer.Dialect.Id != KvmiDialect.RfcV5)
        {
            for (var vcpu = 0; vcpu < vcpus; vcpu++)
            {
                var (header, message) = peer.ReadHeader();
                peer.Dialect.Read(message.AsSpan(MessageHeader.Length), out PauseVcpu command);
                Assert.Equal(new PauseVcpu((ushort)vcpu, true), command);
                peer.Reply(header, KvmiError.None);
            }

            return;
        }

        var data = new byte[16];
        peer.Reply(peer.ReadCommand(CommandKind.PauseAllVcpus), data.AsSpan(0, peer.Dialect.WritePauseAllData(data, (uint)vcpus)));
        for (var vcpu = 0; vcpu < vcpus; vcpu++)
        {
            peer.Reply(peer.ReadCommand(CommandKind.GetCpuid), data);
        }
    }
}
