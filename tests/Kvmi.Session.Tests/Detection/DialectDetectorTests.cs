using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Session.Tests.Detection;

public class DialectDetectorTests
{
    [Theory]
    [InlineData(0, KvmiDialect.V11)]
    [InlineData(-1, KvmiDialect.V11)]
    [InlineData(-2, KvmiDialect.V12)]
    public async Task A_later_peer_is_spoken_to_in_its_dialect(int checkError, KvmiDialect expected)
    {
        await using var server = new TestServer(new TestHandler());
        using var peer = Hello(server);
        peer.Reply(peer.ReadHeader().Header, Version(8184));
        var (check, message) = peer.ReadHeader();
        Assert.Equal(4, check.Id);
        Assert.Equal(22, message[8]);
        peer.Reply(check, (KvmiError)checkError);

        // What is asked next has the ids of that dialect.
        var codec = Dialect.Find(expected)!;
        var asked = new HashSet<CommandKind>();
        while (!asked.Contains(CommandKind.SetPageAccess))
        {
            (check, message) = peer.ReadHeader();
            Assert.Equal(4, check.Id);
            Assert.Equal(CommandStatus.Ok, codec.Read(message.AsSpan(MessageHeader.Length), out CheckCommand command));
            Assert.True(codec.TryGetCommand(command.Id, out var kind), $"id {command.Id}");
            asked.Add(kind);
            peer.Reply(check, KvmiError.None);
        }

        Assert.Equal(expected == KvmiDialect.V11, codec.TryGetCommandId(CommandKind.GetMaxGfn, out _));
        Assert.Empty(server.Log.Warnings);
    }

    [Fact]
    public async Task A_list_v7_peer_is_named()
    {
        await using var server = new TestServer(new TestHandler());
        using var peer = Hello(server);
        peer.Reply(peer.ReadHeader().Header, Version(0));
        peer.Reply(peer.ReadHeader().Header, KvmiError.NoEntry);
        server.WaitForWarning("list v7 or list v8");
    }

    [Fact]
    public async Task A_silent_peer_is_asked_the_other_way_next_time_and_then_found()
    {
        await using var server = new TestServer(new TestHandler(), options => options with { CommandTimeout = TimeSpan.FromMilliseconds(200) });
        using (var silent = Hello(server))
        {
            Assert.Equal(2, silent.ReadHeader().Header.Id);
            Assert.True(silent.IsClosedByTool());
            server.WaitForWarning("GET_VERSION was not answered: it said nothing for 0.2 s");
        }

        using (var rfc = Hello(server))
        {
            var version = rfc.ReadHeader().Header;
            Assert.Equal(1, version.Id);
            rfc.Reply(version, [1, 0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0]);

            // Found: the number of vCPUs is asked for under its id in rfc-v5, of vCPU 0.
            var info = rfc.ReadHeader().Header;
            Assert.Equal((3, 8), (info.Id, info.Size));
        }

        // It is asked the same way when it comes back; when that fails, the other way again.
        using (var again = Hello(server))
        {
            Assert.Equal(1, again.ReadHeader().Header.Id);
            Assert.True(again.IsClosedByTool());
        }

        using var other = Hello(server);
        Assert.Equal(2, other.ReadHeader().Header.Id);
    }

    [Fact]
    public async Task A_list_v9_peer_is_named_on_the_first_or_on_the_second_connection()
    {
        await using var server = new TestServer(new TestHandler());
        using (var first = Hello(server))
        {
            // Message id 2 is CHECK_COMMAND there.
            first.Reply(first.ReadHeader().Header, KvmiError.None);
            server.WaitForWarning("probably list v9");
        }

        using (var unknown = Hello(server))
        {
            unknown.Reply(unknown.ReadHeader().Header, KvmiError.NoSuchCommand);
            Assert.True(unknown.IsClosedByTool());
        }

        using var second = Hello(server);
        var version = second.ReadHeader().Header;
        Assert.Equal(1, version.Id);
        second.Reply(version, [1, 0, 0, 0, 0, 0, 0, 0]);
        server.WaitForWarning(": list v9");
        Assert.Empty(server.Server.Vms);
    }

    [Fact]
    public async Task An_rfc_v5_peer_of_another_version_is_refused()
    {
        await using var server = new TestServer(new TestHandler());
        using (var first = Hello(server))
        {
            first.Reply(first.ReadHeader().Header, KvmiError.NoSuchCommand);
            Assert.True(first.IsClosedByTool());
        }

        using var second = Hello(server);
        second.Reply(second.ReadHeader().Header, [2, 0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0]);
        server.WaitForWarning("protocol version 2; only 1 is known");
    }

    [Fact]
    public async Task A_peer_that_closes_is_told_with_the_likely_causes()
    {
        await using var server = new TestServer(new TestHandler());
        using (var peer = Hello(server))
        {
            peer.ReadHeader();
        }

        Assert.Contains("cookie", server.WaitForWarning("it closed the connection"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nonsense_answers_are_refused()
    {
        await using var server = new TestServer(new TestHandler());
        using (var wrongId = Hello(server))
        {
            wrongId.Reply(new MessageHeader(77, 0, 1), KvmiError.None);
            server.WaitForWarning("was answered by a message with id 77");
        }

        using (var wrongSequence = Hello(server))
        {
            var header = wrongSequence.ReadHeader().Header;
            wrongSequence.Reply(header with { Sequence = header.Sequence + 5 }, Version(0));
            server.WaitForWarning($"id 2, seq {header.Sequence + 5}");
        }

        using (var tooLarge = Hello(server))
        {
            tooLarge.SendRaw([2, 0, 255, 255, 1, 0, 0, 0]);
            server.WaitForWarning("announces a message of 65535 payload bytes");
        }

        using (var shortReply = Hello(server))
        {
            var header = shortReply.ReadHeader().Header;
            shortReply.SendRaw([2, 0, 4, 0, (byte)header.Sequence, 0, 0, 0, 0, 0, 0, 0]);
            server.WaitForWarning("has 4 payload bytes");
        }

        Assert.Equal(4, server.Log.Warnings.Count());
    }

    [Fact]
    public async Task A_fixed_dialect_is_not_probed_but_has_to_answer_as_such()
    {
        var handler = new TestHandler();
        await using var server = new TestServer(handler, options => options with { Dialect = KvmiDialect.V7 });
        using var peer = FakePeer.Attached(server.Path);
        await handler.FirstAttached;
        Assert.Equal([CommandKind.GetVersion, CommandKind.CheckCommand], peer.SetupCommands.Take(2));
        Assert.Equal(1, peer.SetupCommands.Count(kind => kind == CommandKind.GetVersion));

        using var other = Hello(server);
        other.Reply(other.ReadHeader().Header, KvmiError.None);
        server.WaitForWarning("which is not v7");
    }

    [Fact]
    public async Task Without_the_number_of_vcpus_a_vm_is_refused()
    {
        await using var server = new TestServer(new TestHandler());
        using (var forbidden = Hello(server))
        {
            Assert.ThrowsAny<Exception>(() => forbidden.Setup(
                checkCommand: kind => kind == CommandKind.GetVmInfo ? KvmiError.NotPermitted : KvmiError.None));
            server.WaitForWarning("does not allow GET_VM_INFO");
        }

        using var none = Hello(server);
        Assert.ThrowsAny<Exception>(() => none.Setup(vcpus: 0));
        server.WaitForWarning("tells 0 vCPUs");
        using var many = Hello(server);
        Assert.ThrowsAny<Exception>(() => many.Setup(vcpus: 5_000_000));
        server.WaitForWarning("tells 5000000 vCPUs");
    }

    private static FakePeer Hello(TestServer server)
    {
        var peer = new FakePeer(server.Path);
        peer.SayHello();
        peer.ReadAnswer();
        return peer;
    }

    private static byte[] Version(uint maxMessageSize)
    {
        var data = new byte[16];
        FakePeer.V7.WriteData(data, new VersionReply(1, maxMessageSize, 0));
        return data;
    }
}
