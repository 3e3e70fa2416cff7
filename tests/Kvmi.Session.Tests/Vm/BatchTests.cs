using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;
using Kvmi.Session.Vm.Batches;

namespace Kvmi.Session.Tests.Vm;

public class BatchTests
{
    private static readonly PageAccessEntry[] Pages = [new(0x5000, PageAccess.Read), new(0x6000, PageAccess.Read)];

    public static TheoryData<KvmiDialect> Answering => [.. Dialect.All.Select(dialect => dialect.Id).Where(id => id != KvmiDialect.V7)];

    [Theory]
    [MemberData(nameof(Answering))]
    public async Task Commands_leave_in_one_write_and_answers_are_matched_in_any_order(KvmiDialect id)
    {
        var results = new List<KvmiError>();
        var memory = new byte[6000];
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                using var batch = vm.StartBatch();
                batch.ControlCr(0, 3, true);
                batch.SetPageAccess(Pages);
                batch.ReadPhysical(0x1000, memory);
                batch.ControlMsr(1, 0xC0000082, true);
                results.Add(batch.Send());
                results.AddRange(Enumerable.Range(0, batch.Count).Select(entry => batch[entry]));
            },
        };
        await using var server = new TestServer(handler, options => options with { Dialect = id });
        using var peer = FakePeer.Attached(server.Path, vcpus: 2, dialect: Dialect.Find(id)!);
        var commands = Enumerable.Range(0, 5).Select(_ => peer.ReadHeader().Header).ToArray();
        Assert.Equal(1, peer.ReceivesSinceSetup);
        Assert.Equal(
            [CommandKind.ControlCr, CommandKind.SetPageAccess, CommandKind.ReadPhysical, CommandKind.ReadPhysical, CommandKind.ControlMsr],
            commands.Select(header => Kind(peer, header)));
        peer.Reply(commands[4], KvmiError.InvalidArgument);
        peer.Reply(commands[2], Filled(4096, 1));
        peer.SendEvent(0, EventBody.Cr(3, 1, 2));
        peer.Reply(commands[1], KvmiError.NoMemory);
        peer.Reply(commands[0], KvmiError.None);
        peer.Reply(commands[3], Filled(1904, 2));
        await handler.FirstAttached;
        peer.ReadEventReply(EventKind.Cr);
        Assert.Equal([KvmiError.NoMemory, KvmiError.None, KvmiError.NoMemory, KvmiError.None, KvmiError.InvalidArgument], results);
        Assert.Equal((1, 1, 2, 2), (memory[0], memory[4095], memory[4096], memory[5999]));
    }

    [Fact]
    public async Task A_v7_kernel_answers_only_the_end_and_the_failures()
    {
        var results = new List<KvmiError>();
        var notified = 0;
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                using var batch = vm.StartBatch();
                batch.ControlCr(0, 3, true);
                batch.WritePhysical(0x1ffc, new byte[8]);
                batch.SetPageAccess(Pages);
                batch.ControlMsr(1, 0x1fff, true);
                results.Add(batch.Send());
                results.AddRange(Enumerable.Range(0, batch.Count).Select(entry => batch[entry]));
            },
            OnNotification = (IIntrospectedVm _, in EventFrame _) => notified++,
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        var (off, offMessage) = peer.ReadHeader();
        FakePeer.V7.Read(offMessage.AsSpan(MessageHeader.Length), out ControlCommandResponse offCommand);
        Assert.Equal(new ControlCommandResponse(Enable: false, Now: true, ErrorEvents: true), offCommand);
        var commands = Enumerable.Range(0, 5).Select(_ => peer.ReadHeader().Header).ToArray();
        var (on, onMessage) = peer.ReadHeader();
        FakePeer.V7.Read(onMessage.AsSpan(MessageHeader.Length), out ControlCommandResponse onCommand);
        Assert.Equal(new ControlCommandResponse(Enable: true, Now: true, ErrorEvents: false), onCommand);
        Assert.Equal(1, peer.ReceivesSinceSetup);
        Assert.Equal([0, 1, 2, 3, 4], commands.Select(header => (int)(header.Sequence - off.Sequence - 1)));

        // The write of the second page fails before the end is answered, the vCPU's command only after it.
        var write = commands[2];
        peer.SendEvent(0, EventBody.CommandError(KvmiError.NoEntry, write.Sequence, write.Id));
        peer.SendEvent(0, EventBody.CommandError(KvmiError.Fault, 12345, write.Id));
        peer.Reply(on, KvmiError.None);
        var fences = new[] { peer.ReadCommand(CommandKind.GetVcpuInfo), peer.ReadCommand(CommandKind.GetVcpuInfo) };
        peer.SendEvent(0, EventBody.CommandError(KvmiError.InvalidArgument, commands[4].Sequence, commands[4].Id));
        peer.Reply(fences[1], new byte[8]);
        peer.Reply(fences[0], new byte[8]);
        await handler.FirstAttached;
        Assert.Equal([KvmiError.NoEntry, KvmiError.None, KvmiError.NoEntry, KvmiError.None, KvmiError.InvalidArgument], results);

        // A failure of another command is no business of the batch.
        TestServer.Until(() => Volatile.Read(ref notified) == 1, "the other failure");
    }

    [Theory]
    [InlineData("data")]
    [InlineData("forbidden")]
    [InlineData("no error events")]
    public async Task A_v7_kernel_answers_each_command_where_silence_would_lose_something(string what)
    {
        var result = KvmiError.None;
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                using var batch = vm.StartBatch();
                batch.ControlCr(0, 3, true);
                batch.InjectException(new InjectException(0, 13, 0, 0));
                if (what == "data")
                {
                    batch.ReadPhysical(0x1000, new byte[4]);
                }

                result = batch.Send();
            },
        };
        await using var server = new TestServer(handler);
        using var peer = new FakePeer(server.Path);
        peer.SayHello();
        peer.ReadAnswer();
        peer.Setup(
            checkCommand: kind => what == "forbidden" && kind == CommandKind.InjectException ? KvmiError.NotPermitted : KvmiError.None,
            checkEvent: kind => what == "no error events" && kind == EventKind.CommandError ? KvmiError.InvalidArgument : KvmiError.None);
        peer.Reply(peer.ReadCommand(CommandKind.ControlCr), KvmiError.None);
        peer.Reply(peer.ReadCommand(CommandKind.InjectException), KvmiError.NotPermitted);
        if (what == "data")
        {
            peer.Reply(peer.ReadCommand(CommandKind.ReadPhysical), new byte[4]);
        }

        await handler.FirstAttached;
        Assert.Equal(KvmiError.NotPermitted, result);
    }

    [Fact]
    public async Task Rfc_v5_event_sets_of_a_batch_build_on_each_other()
    {
        var rfc = Dialect.Find(KvmiDialect.RfcV5)!;
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                using var batch = vm.StartBatch();
                batch.ControlEvents(0, EventKind.Cr, true);
                batch.ControlEvents(0, EventKind.Msr, true);
                batch.ControlEvents(0, EventKind.Trap, true);
                vm.ControlEvents(0, EventKind.PageFault, true);
                Assert.Equal(KvmiError.NotPermitted, batch.Send());
                vm.ControlEvents(0, EventKind.Cr, false);
            },
        };
        await using var server = new TestServer(handler, options => options with { Dialect = KvmiDialect.RfcV5 });
        using var peer = FakePeer.Attached(server.Path, dialect: rfc);
        foreach (var (mask, error) in new[]
        {
            (0b100_0000u, KvmiError.None), (0b100_0010u, KvmiError.None), (0b100_0110u, KvmiError.None),
            (0b1100_0110u, KvmiError.NotPermitted), (0b100_0100u, KvmiError.None),
        })
        {
            var (header, message) = peer.ReadHeader();
            rfc.Read(message.AsSpan(MessageHeader.Length), out ControlEventMask command);
            Assert.Equal(mask, command.Events);
            peer.Reply(header, error);
        }

        await handler.FirstAttached;
    }

    [Fact]
    public async Task A_large_batch_leaves_in_bounded_parts()
    {
        var result = (First: KvmiError.None, Bad: -1);
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                using var batch = vm.StartBatch();
                for (var i = 0; i < 300; i++)
                {
                    batch.ControlMsr(0, (uint)i, true);
                }

                result.First = batch.Send();
                result.Bad = Enumerable.Range(0, batch.Count).Single(entry => batch[entry] != KvmiError.None);
            },
        };
        await using var server = new TestServer(handler, options => options with { Dialect = KvmiDialect.V12 });
        using var peer = FakePeer.Attached(server.Path, dialect: Dialect.Find(KvmiDialect.V12)!);
        foreach (var count in new[] { VmConnection.MaxOutstanding, VmConnection.MaxOutstanding, 300 - (2 * VmConnection.MaxOutstanding) })
        {
            var commands = Enumerable.Range(0, count).Select(_ => peer.ReadHeader()).ToArray();
            foreach (var (header, message) in commands.Reverse())
            {
                peer.Dialect.Read(message.AsSpan(MessageHeader.Length), out ControlMsr command);
                peer.Reply(header, command.Msr == 200 ? KvmiError.InvalidArgument : KvmiError.None);
            }
        }

        await handler.FirstAttached;
        Assert.Equal((KvmiError.InvalidArgument, 200), result);
    }

    [Fact]
    public async Task A_batch_is_bounded_and_says_so()
    {
        var errors = new List<Exception>();
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                using var batch = vm.StartBatch();
                Note(() => _ = batch[0]);
                Note(() => batch.WritePhysical(0, new byte[300 * 1024]));
                Assert.Equal(0, batch.Count);
                for (var i = 0; i < VmBatch.MaxMessages; i++)
                {
                    batch.ControlCr(0, 3, true);
                }

                Note(() => batch.ControlCr(0, 3, true));
                Note(() => batch.SwitchEptView(0, 1));
                batch.Clear();
                Assert.Equal(KvmiError.None, batch.Send());
                Note(() => batch.Send());
                Note(() => batch.ControlCr(0, 3, true));
            },
        };
        await using var server = new TestServer(handler, options => options with { Dialect = KvmiDialect.V12 });
        using var peer = FakePeer.Attached(server.Path, dialect: Dialect.Find(KvmiDialect.V12)!);
        await handler.FirstAttached;
        string[] expected = ["not sent", "full (0 messages", "full (1024", "v12 dialect has no SwitchEptView", "clear it", "clear it"];
        Assert.Equal(expected.Length, errors.Count);
        Assert.All(expected.Zip(errors), pair => Assert.Contains(pair.First, pair.Second.Message, StringComparison.Ordinal));

        void Note(Action action) => errors.Add(Record.Exception(action)!);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_wrong_answer_ends_the_connection(bool twice)
    {
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                using var batch = vm.StartBatch();
                batch.ControlCr(0, 3, true);
                batch.ControlCr(0, 4, true);
                batch.Send();
            },
        };
        await using var server = new TestServer(handler, options => options with { Dialect = KvmiDialect.V12 });
        using var peer = FakePeer.Attached(server.Path, dialect: Dialect.Find(KvmiDialect.V12)!);
        var first = peer.ReadCommand(CommandKind.ControlCr);
        peer.ReadCommand(CommandKind.ControlCr);
        peer.Reply(first, KvmiError.None);
        peer.Reply(twice ? first : first with { Sequence = first.Sequence + 2 }, KvmiError.None);
        Assert.Equal(DetachReason.ProtocolError, await handler.FirstDetached);
        server.WaitForWarning($"ControlCr (id {first.Id}, seq {first.Sequence + 1}) was answered by a message with id {first.Id}");
    }

    private static CommandKind Kind(FakePeer peer, MessageHeader header)
    {
        Assert.True(peer.Dialect.TryGetCommand(header.Id, out var kind));
        return kind;
    }

    private static byte[] Filled(int length, byte value)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        return bytes;
    }
}
