using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class CommandTests
{
    [Fact]
    public async Task Every_command_reaches_the_peer_with_its_fields()
    {
        var results = new List<KvmiError>();
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                results.Add(vm.ControlVmEvents(EventKind.CreateVcpu, true));
                results.Add(vm.ControlEvents(1, EventKind.Msr, true));
                results.Add(vm.ControlCr(1, 4, false));
                results.Add(vm.ControlMsr(1, 0xC0000082, true));
                results.Add(vm.SetRegisters(1, new KvmRegs { Rip = 9 }));
                results.Add(vm.InjectException(1, 13, 2, 3));
                results.Add(vm.PauseVcpu(1, true));
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        var v7 = FakePeer.V7;
        v7.Read(Next(peer, CommandKind.ControlVmEvents), out ControlVmEvents vmEvents);
        Assert.Equal(new ControlVmEvents(9, 1), vmEvents);
        v7.Read(Next(peer, CommandKind.ControlEvents), out ControlEvents events);
        Assert.Equal(new ControlEvents(1, 2, 1), events);
        v7.Read(Next(peer, CommandKind.ControlCr, KvmiError.InvalidArgument), out ControlCr cr);
        Assert.Equal(new ControlCr(1, 4, 0), cr);
        v7.Read(Next(peer, CommandKind.ControlMsr), out ControlMsr msr);
        Assert.Equal(new ControlMsr(1, 0xC0000082, 1), msr);
        v7.Read(Next(peer, CommandKind.InjectException), out InjectException exception);
        Assert.Equal(new InjectException(1, 13, 2, 3), exception);
        v7.Read(Next(peer, CommandKind.PauseVcpu, (KvmiError)(-77)), out PauseVcpu pause);
        Assert.Equal(new PauseVcpu(1, true), pause);
        await handler.FirstAttached;
        Assert.Equal(
            [
                KvmiError.None, KvmiError.None, KvmiError.InvalidArgument, KvmiError.None, KvmiError.NotSupported, KvmiError.None,
                (KvmiError)(-77),
            ],
            results);

        // The UNHOOK event was switched on before the handler was made.
        Assert.Equal((7, 2), (server.Server.Vms[0].Counters.Commands, server.Server.Vms[0].Counters.CommandErrors));
    }

    [Fact]
    public async Task Memory_is_read_and_written_page_by_page()
    {
        var read = new byte[10_000];
        var errors = new List<KvmiError>();
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                errors.Add(vm.ReadPhysical(0x1ffe, read));
                errors.Add(vm.WritePhysical(0x2fff, [1, 2, 3]));
                errors.Add(vm.ReadPhysical(0x3000, new byte[8192]));
                errors.Add(vm.ReadPhysical(0x3000, []));
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        (ulong, ulong)[] parts = [(0x1ffe, 2), (0x2000, 4096), (0x3000, 4096), (0x4000, 1806)];
        byte fill = 1;
        foreach (var (gpa, size) in parts)
        {
            var (header, message) = peer.ReadHeader();
            FakePeer.V7.Read(message.AsSpan(8), out ReadPhysical command);
            Assert.Equal(new ReadPhysical(gpa, size), command);
            var data = new byte[size];
            Array.Fill(data, fill++);
            peer.Reply(header, data);
        }

        var payload = Next(peer, CommandKind.WritePhysical);
        FakePeer.V7.Read(payload, out WritePhysical write);
        Assert.Equal(0x2fffUL, write.Gpa);
        Assert.Equal([1], write.Data.ToArray());
        payload = Next(peer, CommandKind.WritePhysical);
        FakePeer.V7.Read(payload, out write);
        Assert.Equal(0x3000UL, write.Gpa);
        Assert.Equal([2, 3], write.Data.ToArray());
        Next(peer, CommandKind.ReadPhysical, KvmiError.NoEntry);
        Next(peer, CommandKind.ReadPhysical, KvmiError.InvalidArgument);
        await handler.FirstAttached;
        Assert.Equal([KvmiError.None, KvmiError.None, KvmiError.NoEntry, KvmiError.None], errors);
        Assert.Equal((1, 2, 2, 3, 4), (read[1], read[2], read[4097], read[4098], read[9999]));
    }

    [Fact]
    public async Task Page_access_is_split_and_the_first_error_is_the_result()
    {
        var error = KvmiError.None;
        var handler = new TestHandler
        {
            OnAttached = vm => error = vm.SetPageAccess(
                [.. Enumerable.Range(0, 1300).Select(i => new PageAccessEntry((ulong)i << 12, PageAccess.ReadExecute))]),
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        var next = 0;
        foreach (var (count, answer) in new[] { (511, KvmiError.None), (511, KvmiError.InvalidArgument), (278, KvmiError.NoMemory) })
        {
            FakePeer.V7.Read(Next(peer, CommandKind.SetPageAccess, answer), out SetPageAccess command);
            Assert.Equal(count, command.Count);
            for (var i = 0; i < count; i++)
            {
                Assert.True(command.TryGetEntry(i, out var gpa, out var access));
                Assert.Equal(((ulong)next++ << 12, (byte)5), (gpa, access));
            }
        }

        await handler.FirstAttached;
        Assert.Equal(KvmiError.InvalidArgument, error);
    }

    [Fact]
    public async Task Registers_come_with_the_msrs_asked_for()
    {
        var state = default(VcpuState);
        MsrEntry[] msrs = [new(0xC0000082, 0), new(0x10, 0)];
        Exception? tooMany = null;
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                Assert.Equal(KvmiError.None, vm.GetRegisters(0, out state, msrs));
                tooMany = Record.Exception(() => vm.GetRegisters(0, out var _, new MsrEntry[500]));
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        var (header, message) = peer.ReadHeader();
        FakePeer.V7.Read(message.AsSpan(8), out GetRegisters command);
        Assert.Equal((2, 0xC0000082u, 0x10u), (command.MsrCount, command.Msr(0), command.Msr(1)));
        var answer = new VcpuState { Mode = 8 };
        answer.Regs.Rax = 5;
        answer.Sregs.Cr3 = 6;
        var data = new byte[1024];
        peer.Reply(header, data.AsSpan(0, FakePeer.V7.WriteRegistersData(data, in answer, [new(0xC0000082, 7), new(0x10, 8)])));
        await handler.FirstAttached;
        Assert.Equal((8, 5UL, 6UL, 7UL), (state.Mode, state.Regs.Rax, state.Sregs.Cr3, state.Msrs.Lstar));
        Assert.Equal([new MsrEntry(0xC0000082, 7), new MsrEntry(0x10, 8)], msrs);
        Assert.IsType<ArgumentException>(tooMany);
    }

    [Theory]
    [InlineData("short data", "has 3 data bytes; 4 were asked for")]
    [InlineData("long data", "has 5 data bytes; 4 were asked for")]
    [InlineData("no error code", "is malformed (4 payload bytes)")]
    [InlineData("positive error", "is malformed (8 payload bytes)")]
    [InlineData("other id", "message with id 18")]
    [InlineData("other sequence", "message with id 17, seq 0")]
    public async Task A_wrong_reply_closes_the_connection(string what, string expected)
    {
        var handler = new TestHandler { OnAttached = vm => vm.ReadPhysical(0, new byte[4]) };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        var header = peer.ReadCommand(CommandKind.ReadPhysical);
        switch (what)
        {
            case "short data":
                peer.Reply(header, new byte[3]);
                break;
            case "long data":
                peer.Reply(header, new byte[5]);
                break;
            case "no error code":
                peer.SendRaw([17, 0, 4, 0, .. BitConverter.GetBytes(header.Sequence), 0, 0, 0, 0]);
                break;
            case "positive error":
                peer.SendRaw([17, 0, 8, 0, .. BitConverter.GetBytes(header.Sequence), 1, 0, 0, 0, 0, 0, 0, 0]);
                break;
            case "other id":
                peer.Reply(header with { Id = 18 }, new byte[4]);
                break;
            default:
                peer.Reply(header with { Sequence = 0 }, new byte[4]);
                break;
        }

        Assert.Equal(DetachReason.ProtocolError, await handler.FirstDetached);
        Assert.Contains(expected, server.WaitForWarning("lost"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_without_an_answer_ends_the_connection_after_its_limit()
    {
        Exception? thrown = null;
        var handler = new TestHandler
        {
            OnAttached = vm => thrown = Record.Exception(() => vm.GetMaxGfn(out var _)),
        };
        await using var server = new TestServer(handler, options => options with { CommandTimeout = TimeSpan.FromMilliseconds(250) });
        using var peer = FakePeer.Attached(server.Path);
        peer.ReadCommand(CommandKind.GetMaxGfn);
        Assert.Equal(DetachReason.PeerLost, await handler.FirstDetached);
        Assert.Contains("GetMaxGfn", server.WaitForWarning("was not answered within 0.25 s"), StringComparison.Ordinal);
        Assert.IsType<VmConnectionLostException>(thrown);
    }

    [Fact]
    public async Task Commands_belong_to_the_owner_thread()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path);
        var vm = await handler.FirstAttached;
        var error = Record.Exception(() => vm.ControlCr(0, 3, true));
        Assert.Contains("owner thread", Assert.IsType<InvalidOperationException>(error).Message, StringComparison.Ordinal);
    }

    private static byte[] Next(FakePeer peer, CommandKind kind, KvmiError answer = KvmiError.None)
    {
        var (header, message) = peer.ReadHeader();
        Assert.True(FakePeer.V7.TryGetCommand(header.Id, out var actual));
        Assert.Equal(kind, actual);
        peer.Reply(header, answer);
        return message[8..];
    }
}
