using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

/// <summary>The same tool against a peer of each dialect, found by itself.</summary>
public class AllDialectsTests
{
    public static TheoryData<KvmiDialect> Dialects => [.. Dialect.All.Select(dialect => dialect.Id)];

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_vm_of_each_dialect_is_found_attached_and_answered(KvmiDialect id)
    {
        var dialect = Dialect.Find(id)!;
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm _, in EventFrame frame, ref EventReply reply) => reply.NewValue = frame.OldValue,
        };
        await using var server = new TestServer(handler);
        using var peer = ScriptedPeer.Detected(server.Path, dialect, vcpus: 2);
        var vm = await handler.FirstAttached;
        Assert.Equal((id, 2), (vm.Capabilities.Dialect, vm.VcpuCount));
        Assert.Equal(dialect.Name, Assert.Single(server.Server.Vms).Dialect);
        Assert.Contains(CommandKind.ReadPhysical, vm.Capabilities.Commands.AsEnumerable());
        Assert.Contains(EventKind.Cr, vm.Capabilities.Events.AsEnumerable());
        Assert.Empty(vm.Capabilities.ForbiddenCommands);
        peer.SendEvent(1, EventBody.Cr(3, 7, 8));
        var reply = peer.ReadEventReply(EventKind.Cr);
        Assert.Equal((1u, EventAction.Continue, 7UL), (reply.Sequence, reply.Action, reply.NewValue));
        peer.SendEvent(0, EventBody.Plain(EventKind.PauseVcpu));
        peer.ReadEventReply(EventKind.PauseVcpu);
        Assert.Contains(server.Log.Lines, line => line.Id == 2002 && line.Text.Contains("dialect " + dialect.Name, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task What_the_administrator_forbids_is_known_at_connect(KvmiDialect id)
    {
        var dialect = Dialect.Find(id)!;
        var handler = new TestHandler();
        await using var server = new TestServer(handler, options => options with { Dialect = id });
        using var peer = new FakePeer(server.Path, dialect);
        peer.SayHello();
        peer.ReadAnswer();
        peer.Setup(
            checkCommand: kind => kind == CommandKind.GetCpuid ? KvmiError.NotPermitted : KvmiError.None,
            checkEvent: kind => kind == EventKind.Msr ? KvmiError.NotPermitted : KvmiError.None);
        var vm = await handler.FirstAttached;
        Assert.Equal([CommandKind.GetCpuid], vm.Capabilities.ForbiddenCommands);
        Assert.Equal([EventKind.Msr], vm.Capabilities.ForbiddenEvents);
        Assert.DoesNotContain(CommandKind.GetCpuid, vm.Capabilities.Commands.AsEnumerable());
        var line = Assert.Single(server.Log.Lines, line => line.Id == 2002).Text;
        Assert.Contains("forbidden commands: GetCpuid; forbidden events: Msr", line, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task Every_command_is_sent_or_refused_by_the_name_of_the_dialect(KvmiDialect id)
    {
        var dialect = Dialect.Find(id)!;
        var outcomes = new List<(CommandKind Kind, KvmiError? Error)>();
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                foreach (var (kind, call) in EveryCommand.Calls)
                {
                    try
                    {
                        outcomes.Add((kind, call(vm)));
                    }
                    catch (CommandNotInDialectException exception)
                    {
                        Assert.Equal((id, kind), (exception.Dialect, exception.Command));
                        Assert.Contains(dialect.Name, exception.Message, StringComparison.Ordinal);
                        outcomes.Add((kind, null));
                    }
                }
            },
        };
        await using var server = new TestServer(handler, options => options with { Dialect = id });
        using var peer = FakePeer.Attached(server.Path, dialect: dialect);
        foreach (var (kind, _) in EveryCommand.Calls)
        {
            // GET_VCPU_INFO of rfc-v5 is GET_VM_INFO.
            var sent = kind == CommandKind.GetVcpuInfo && id == KvmiDialect.RfcV5 ? CommandKind.GetVmInfo : kind;
            if (dialect.TryGetCommandId(sent, out _))
            {
                peer.Reply(peer.ReadCommand(sent), KvmiError.Busy);
            }
        }

        await handler.FirstAttached;
        Assert.Equal(EveryCommand.Calls.Select(call => call.Kind), outcomes.Select(outcome => outcome.Kind));
        foreach (var (kind, error) in outcomes)
        {
            var has = dialect.TryGetCommandId(kind, out _) || (kind == CommandKind.GetVcpuInfo && id == KvmiDialect.RfcV5);
            Assert.Equal((kind, has ? KvmiError.Busy : null), (kind, error));
        }
    }

    [Fact]
    public void Every_command_of_every_dialect_has_a_member()
    {
        // What the session sends by itself, what has tests of its own, and the number that v7 reserves.
        CommandKind[] others =
        [
            CommandKind.GetVersion, CommandKind.CheckCommand, CommandKind.CheckEvent, CommandKind.GetVmInfo, CommandKind.ControlCommandResponse,
            CommandKind.SetRegisters, CommandKind.PauseAllVcpus, CommandKind.ControlVe,
        ];
        Assert.Empty(Enum.GetValues<CommandKind>().Except(EveryCommand.Calls.Select(call => call.Kind)).Except(others));
    }

    [Fact]
    public async Task Rfc_v5_events_are_switched_by_whole_sets_that_remember_what_was_accepted()
    {
        var rfc = Dialect.Find(KvmiDialect.RfcV5)!;
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                vm.ControlEvents(1, EventKind.Cr, true);
                vm.ControlEvents(1, EventKind.Msr, true);
                vm.ControlEvents(0, EventKind.PageFault, true);
                vm.ControlEvents(1, EventKind.Trap, true);
                vm.ControlEvents(1, EventKind.Cr, false);
                vm.ControlVmEvents(EventKind.CreateVcpu, true);
                Assert.Equal(KvmiError.NotSupported, vm.ControlEvents(0, EventKind.Cpuid, true));
            },
        };
        await using var server = new TestServer(handler, options => options with { Dialect = KvmiDialect.RfcV5 });
        using var peer = FakePeer.Attached(server.Path, vcpus: 2, dialect: rfc);
        (ushort Vcpu, uint Mask, KvmiError Answer)[] expected =
        [
            (1, 0b10, KvmiError.None), (1, 0b110, KvmiError.None), (0, 0b100_0000, KvmiError.None),
            (1, 0b1000_0110, KvmiError.NotPermitted), (1, 0b100, KvmiError.None),
        ];
        foreach (var (vcpu, mask, answer) in expected)
        {
            var (header, message) = peer.ReadHeader();
            rfc.Read(message.AsSpan(MessageHeader.Length), out ControlEventMask command);
            Assert.Equal(new ControlEventMask(vcpu, mask), command);
            peer.Reply(header, answer);
        }

        // UNHOOK was switched on before the handler was made.
        var (last, bytes) = peer.ReadHeader();
        rfc.Read(bytes.AsSpan(MessageHeader.Length), out ControlVmEventMask vmMask);
        Assert.Equal(new ControlVmEventMask(0b10_0000_0001), vmMask);
        peer.Reply(last, KvmiError.None);
        await handler.FirstAttached;
    }

    [Fact]
    public async Task Rfc_v5_page_access_can_be_asked_for()
    {
        var access = new PageAccess[1000];
        var handler = new TestHandler
        {
            OnAttached = vm => Assert.Equal(KvmiError.None, vm.GetPageAccess([.. Enumerable.Range(0, 1000).Select(i => (ulong)i << 12)], access)),
        };
        await using var server = new TestServer(handler, options => options with { Dialect = KvmiDialect.RfcV5 });
        using var peer = FakePeer.Attached(server.Path, dialect: Dialect.Find(KvmiDialect.RfcV5)!);
        foreach (var count in new[] { 510, 490 })
        {
            var (header, message) = peer.ReadHeader();
            peer.Dialect.Read(message.AsSpan(MessageHeader.Length), out GetPageAccess command);
            Assert.Equal(count, command.Count);
            var answer = new byte[count];
            answer.AsSpan().Fill(command.Gpa(0) == 0 ? (byte)7 : (byte)5);
            peer.Reply(header, answer);
        }

        await handler.FirstAttached;
        Assert.Equal((PageAccess.All, PageAccess.ReadExecute), (access[509], access[510]));
    }

    [Theory]
    [InlineData(104, 0x1_0000_0000UL, 0x10_0000UL)]
    [InlineData(96, null, null)]
    public async Task V12_learns_the_end_of_memory_from_the_hello(int size, ulong? maxGpa, ulong? expected)
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler);
        using var peer = new FakePeer(server.Path, Dialect.Find(KvmiDialect.V12)!);
        peer.SayHello(size, maxGpa: maxGpa);
        peer.ReadAnswer();
        peer.Setup();
        Assert.Equal(expected, (await handler.FirstAttached).Capabilities.MaxGfn);
    }
}
