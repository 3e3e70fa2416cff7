using System.Globalization;
using System.Net.Sockets;
using Kvmi.Policy.Host.Tests.Commands;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>VMs that come, have events decided and go, thousands of them: nothing of them stays in the host.</summary>
public sealed class ChurnTests(ITestOutputHelper output)
{
    private const string Yaml = """
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata: { id: test.churn, version: 1.0.0, title: Watches CR3 on every VM }
        spec:
          mode: enforce
          subscriptions:
            - { event: cr, when: { cr: 3 }, handler: OnCr3 }
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static int Vms => int.Parse(Environment.GetEnvironmentVariable("KVMI_POLICY_CHURN_VMS") ?? "1000", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public async Task Vms_that_come_and_go_leave_nothing_behind(int atOnce)
    {
        using var directory = new TestDirectory();
        directory.Write("policies/churn/policy.yaml", Yaml);
        directory.Write("policies/churn/churn.csx", "var seen = 0;\nDecision OnCr3(CrEvent e) { seen++; return Allow; }");
        await using var host = CommandProcess.StartRedirected(
            ">/dev/null", directory.Path, "run", "--listen", directory.Socket(), "--policies", Path.Combine(directory.Path, "policies"), "--json", "--log-level", "error");
        var path = Path.Combine(directory.Path, "kvmi.sock");
        Assert.True(SpinWait.SpinUntil(() => Listens(path), Patience), "the host listens");

        // What a first wave needs, the others find there.
        var warm = Vms / 10;
        Wave(path, warm, atOnce);
        var before = Settled(host.Id, Vitals.Of(host.Id).Descriptors);
        Wave(path, Vms - warm, atOnce);
        var after = Settled(host.Id, before.Descriptors + 8);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{atOnce} at once: after {warm} VMs {before}; after {Vms} VMs {after}"));

        // Files of the runtime that are opened late; of each VM one would stay.
        Assert.True(after.Descriptors <= before.Descriptors + 8, $"{before} became {after}");
        Assert.True(after.Threads <= before.Threads + 8, $"{before} became {after}");

        // The buffers of one VM are 0.3 MiB: of a thousand leaked ones this would be seen at once.
        Assert.True(after.ResidentKib <= before.ResidentKib + (64 * 1024), $"{before} became {after}");
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);
    }

    /// <summary>The file is there before anybody listens behind it.</summary>
    private static bool Listens(string path)
    {
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static void Wave(string path, int count, int atOnce)
    {
        var next = 0;
        var threads = Enumerable.Range(0, atOnce).Select(_ => Task.Factory.StartNew(
            () =>
            {
                while (Interlocked.Increment(ref next) is var number && number <= count)
                {
                    LiveOnce(path, number);
                }
            },
            TaskCreationOptions.LongRunning)).ToArray();
        Assert.True(Task.WaitAll(threads, Patience * 10), "the wave is over");
    }

    /// <summary>A VM that attaches, lets the policy arm its trap, has three events decided and is gone without a word.</summary>
    private static void LiveOnce(string path, int number)
    {
        using var vm = FakePeer.Attached(path, uuid: Guid.NewGuid(), name: string.Create(CultureInfo.InvariantCulture, $"vm{number}"));
        for (var i = 0; i < 3; i++)
        {
            vm.SendEvent(0, EventBody.Cr(3, 0x1000, 0x2000));
            while (true)
            {
                var (header, _) = vm.ReadHeader();
                if (vm.Dialect.Classify(MessageDirection.ToolToKernel, header.Id) == MessageRole.EventReply)
                {
                    break;
                }

                if (vm.Dialect.TryGetCommand(header.Id, out var kind) && kind == CommandKind.GetVmInfo)
                {
                    vm.Reply(header, new byte[16]);
                }
                else
                {
                    vm.Reply(header, KvmiError.None);
                }
            }
        }
    }

    /// <summary>What the host is when the last VM's thread has ended; it may take a moment.</summary>
    private static Vitals Settled(int process, int descriptors)
    {
        SpinWait.SpinUntil(() => Vitals.Of(process).Descriptors <= descriptors && Vitals.Of(process).Names.All(name => !name.StartsWith("kvmi-vm-", StringComparison.Ordinal)), TimeSpan.FromSeconds(30));
        return Vitals.Of(process);
    }

    private sealed record Vitals(int Descriptors, int Threads, long ResidentKib)
    {
        public IReadOnlyList<string> Names { get; private init; } = [];

        public static Vitals Of(int process)
        {
            var status = File.ReadAllLines($"/proc/{process}/status");
            return new Vitals(
                Directory.GetFileSystemEntries($"/proc/{process}/fd").Length, (int)Number(status, "Threads:"), Number(status, "VmRSS:"))
            {
                Names = [.. Directory.GetDirectories($"/proc/{process}/task").Select(NameOf)],
            };
        }

        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"{Descriptors} descriptors, {Threads} threads, {ResidentKib / 1024} MiB resident");

        private static string NameOf(string task)
        {
            try
            {
                return File.ReadAllText(Path.Combine(task, "comm"));
            }
            catch (IOException)
            {
                // It has just ended.
                return "";
            }
        }

        private static long Number(string[] status, string key) =>
            long.Parse(status.Single(line => line.StartsWith(key, StringComparison.Ordinal)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
