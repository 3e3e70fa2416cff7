using Kvmi.Policy.Host.Tests.Commands;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>What hangs for ever does not hold the end: a handler of native code, a peer that answers no command, a peer that reads nothing.</summary>
public sealed class HangTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task A_handler_that_never_returns_does_not_hold_the_end()
    {
        using var directory = new TestDirectory();
        var plugins = Path.Combine(directory.Path, "plugins");
        Directory.CreateDirectory(Path.Combine(plugins, "hanging"));
        File.WriteAllBytes(Path.Combine(plugins, "hanging", "Reaching.dll"), PluginAssembly.Build("hanging", """
            private Kvmi.Policy.Decision OnCr3(Kvmi.Policy.CrEvent e)
            {
                System.Threading.Thread.Sleep(System.Threading.Timeout.Infinite);
                return Kvmi.Policy.Decision.Allow;
            }
            """));
        directory.Write("policies/hanging/policy.yaml", """
            apiVersion: kvmi.policy/v1
            kind: Policy
            metadata: { id: test.hanging, version: 1.0.0, title: Never returns }
            spec:
              mode: enforce
              script: { plugin: hanging, type: Census }
              budget: { timeout: 50ms }
              watch:
                - { range: 0x7003000-0x7004000, access: r-x }
              subscriptions:
                - { event: cr, when: { cr: 3 }, handler: OnCr3 }
                - { event: pf, when: { access: w, range: 0x7003000-0x7004000 }, then: { decision: retry } }
            """);
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(
            directory.Path, "run", "--listen", directory.Socket(), "--policies", ExitPolicies.Holder(directory), "--plugins", plugins,
            "--state", Path.Combine(directory.Path, "state"), "--json");
        await host.WaitForLineAsync("\"quarantined\"");
        await host.WaitForLineAsync("\"holding\"");
        guest.WaitUntil(held => ExitPolicies.PatchedPages.All(held.Contains), "the other policy holds its leases");
        guest.RunsOn();
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        var run = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run");
        Assert.Equal("signal", run.GetProperty("end").GetString());
        Assert.Equal((1, 1), (run.GetProperty("abandonedThreads").GetInt32(), run.GetProperty("abandonedNow").GetInt32()));
        Assert.DoesNotContain("did not detach", result.Errors, StringComparison.Ordinal);
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
        Assert.Empty(guest.State.FindDifferences());
        Assert.Empty(Directory.GetFiles(Path.Combine(directory.Path, "state")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_answers_no_command_holds_neither_the_others_nor_the_end(bool endsAtOnce)
    {
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(directory.Path, Run(directory));
        AssertHolds(await host.WaitForLineAsync("\"holding\""));
        using var silent = FakePeer.Attached(Path.Combine(directory.Path, "kvmi.sock"), uuid: Guid.NewGuid(), name: "silent");

        // The first command of the policies; it gets no answer.
        silent.ReadHeader();
        guest.RunsOn();
        if (!endsAtOnce)
        {
            var line = await host.WaitForLineAsync("\"disconnected\"");
            Assert.Contains("\"vm\":\"silent\"", line, StringComparison.Ordinal);
            Assert.Contains("was not answered within 5 s", line, StringComparison.Ordinal);
            guest.RunsOn();
        }

        await EndAsync(host, guest);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_reads_nothing_holds_neither_the_others_nor_the_end(bool endsAtOnce)
    {
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(directory.Path, Run(directory));
        AssertHolds(await host.WaitForLineAsync("\"holding\""));
        using var deaf = FakePeer.Attached(Path.Combine(directory.Path, "kvmi.sock"), uuid: Guid.NewGuid(), name: "deaf");
        AnswerUntilReply(deaf);
        var flood = Task.Factory.StartNew(() => FloodUntilClosed(deaf), TaskCreationOptions.LongRunning);
        guest.RunsOn();
        if (!endsAtOnce)
        {
            var line = await host.WaitForLineAsync("\"disconnected\"");
            Assert.Contains("\"vm\":\"deaf\"", line, StringComparison.Ordinal);
            Assert.Contains("it takes no more bytes", line, StringComparison.Ordinal);
            guest.RunsOn();
        }

        await EndAsync(host, guest);
        await flood.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    private static string[] Run(TestDirectory directory) =>
    [
        "run", "--listen", directory.Socket(), "--policies", ExitPolicies.Holder(directory), "--state", Path.Combine(directory.Path, "state"), "--json",
    ];

    private static void AssertHolds(string line) => Assert.Contains("\"patched\":true", line, StringComparison.Ordinal);

    private static async Task EndAsync(CommandProcess host, WatchedGuest guest)
    {
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        Assert.Equal("signal", Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run").GetProperty("end").GetString());
        Assert.DoesNotContain("did not detach", result.Errors, StringComparison.Ordinal);
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
        Assert.Empty(guest.State.FindDifferences());
    }

    /// <summary>Does as it is told until an event of its is decided.</summary>
    private static void AnswerUntilReply(FakePeer peer)
    {
        peer.SendEvent(0, EventBody.Cr(3, 0x1000, 0x2000));
        while (true)
        {
            var (header, message) = peer.ReadHeader();
            if (peer.Dialect.Classify(MessageDirection.ToolToKernel, header.Id) == MessageRole.EventReply)
            {
                return;
            }

            AnswerCommand(peer, header, message);
        }
    }

    private static void AnswerCommand(FakePeer peer, MessageHeader header, byte[] message)
    {
        if (peer.Dialect.TryGetCommand(header.Id, out var kind) && kind == CommandKind.ReadPhysical)
        {
            peer.Dialect.Read(message.AsSpan(MessageHeader.Length), out Kvmi.Protocol.Commands.ReadPhysical read);
            peer.Reply(header, new byte[read.Size]);
        }
        else if (kind == CommandKind.GetVmInfo)
        {
            peer.Reply(header, new byte[16]);
        }
        else
        {
            peer.Reply(header, KvmiError.None);
        }
    }

    /// <summary>Sends events and takes no answer, until the tool hangs up.</summary>
    private static void FloodUntilClosed(FakePeer peer)
    {
        try
        {
            while (true)
            {
                peer.SendEvent(0, EventBody.Msr(0xC000_0082, 0x1000, 0x1000));
            }
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Hung up, as it has to be.
            return;
        }
    }
}
