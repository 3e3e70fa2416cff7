using Kvmi.Conformance.Tests.Support;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Vm;
using Kvmi.Simulator;

namespace Kvmi.Conformance.Tests.Faults;

/// <summary>
/// The session in front of a kernel that misbehaves. Whatever happens: each vCPU gets its answer or the connection ends with a reason, nothing
/// hangs, no exception leaves the session, and the next connection of the VM works.
/// </summary>
public sealed class FaultFacingTests
{
    // The guest has no end of its own: without a tool it would run to it before the next connection.
    private const long Events = 1000;
    private static readonly string[] Survivable = ["slow-kernel", "short-writes", "event-between"];

    public static TheoryData<string, KvmiDialect> Faults =>
        [.. from dialect in Dialect.All from fault in Simulation.FaultCatalogue select (fault.Name, dialect.Id)];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task After_a_fault_the_next_connection_works_and_every_event_was_answered_or_lost_with_a_reason(string fault, KvmiDialect dialect)
    {
        // The fault comes once events flow; those of the hello and of pauses come when they can.
        var rule = fault switch
        {
            "slow-handshake" => "{kind: slow-handshake, delay: 600ms}",
            "close-during-pause" => "{kind: close-during-pause, after: 1}",
            "slow-kernel" => "{kind: slow-kernel, every: 50, delay: 2ms}",
            "event-between" => "{kind: event-between, delay: 5ms, probability: 0.5}",
            "short-writes" => "{kind: short-writes, every: 5, bytes: 3}",
            _ => $"{{kind: {fault}, after: 150}}",
        };
        var (result, tool, server) = await RunAsync(rule, dialect);
        await using var listening = server;

        Assert.True(result.EndedAsWritten, $"{result.End}: {result.FailureReason}\n{server.Log}");
        Assert.Equal(SimulationEnd.Limit, result.End);
        Assert.True(result.Faults.ContainsKey(fault), $"the fault did not happen: {string.Join(", ", result.Faults)}");
        Assert.Empty(tool.Failures);

        // The last connection is the sound one: it ended as the hypervisor asked.
        var gone = server.Gone.ToArray();
        Assert.Equal((DetachReason.Unhook, null), (gone[^1].Reason, gone[^1].Detail));
        foreach (var (vm, reason, detail) in gone)
        {
            Assert.True(detail is not null || vm.Counters.Events == vm.Counters.Replies, $"{reason}: {vm.Counters}");
            Assert.True(vm.Counters.HandlerErrors == 0, $"{vm.Counters}");
        }

        Assert.DoesNotContain(server.Log.Warnings, line => line.Contains("Exception", StringComparison.Ordinal));
        if (Survivable.Contains(fault))
        {
            Assert.Equal(1, result.Connections);
            Assert.Equal(result.ReplyCount, gone[^1].Vm.Counters.Replies);
        }
    }

    [Theory]
    [InlineData("{kind: close-mid-message, after: 150}", "in the middle of a message")]
    [InlineData("{kind: wrong-seq, on: replies, after: 100}", "was answered by a message")]
    [InlineData("{kind: spurious-event, after: 20}", "still waits for a reply")]
    [InlineData("{kind: garbage, after: 150, bytes: 600}", "")]
    [InlineData("{kind: short-reply, after: 100, bytes: 5000}", "malformed")]
    [InlineData("{kind: close-during-pause}", "closed the connection")]
    public async Task The_reason_of_the_end_says_what_was_wrong(string rule, string expected)
    {
        var (_, _, server) = await RunAsync(rule, KvmiDialect.V7);
        await using var listening = server;
        var lost = server.Gone.First(gone => gone.Detail is not null);
        Assert.True(lost.Reason is DetachReason.ProtocolError or DetachReason.PeerLost);
        Assert.Contains(expected, lost.Detail, StringComparison.Ordinal);
        Assert.Contains(server.Log.Warnings, line => line.Contains(lost.Detail!, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_hello_that_takes_too_long_is_refused_in_words()
    {
        var (result, _, server) = await RunAsync("{kind: slow-handshake, delay: 600ms}", KvmiDialect.V7);
        await using var listening = server;
        Assert.Equal((SimulationEnd.Limit, 1), (result.End, result.Connections));
        Assert.Contains(server.Log.Warnings, line => line.Contains("hello", StringComparison.Ordinal));
    }

    private static async Task<(SimulationResult Result, PausingTool Tool, ToolServer Server)> RunAsync(string rule, KvmiDialect dialect)
    {
        var file = Path.Combine(Path.GetTempPath(), $"kvmi-{Guid.NewGuid():n}.yaml");
        await File.WriteAllTextAsync(
            file,
            $"vcpus: 3\nsettle: 50ms\nmax-wait: 20s\nreconnect: 20ms\nsteps: [{{program: process-switches, repeat: endless}}]\nfaults: [{rule}]\n");
        var tool = new PausingTool();
        var server = new ToolServer(tool, dialect, options => options with { HandshakeTimeout = TimeSpan.FromMilliseconds(300), CommandTimeout = TimeSpan.FromSeconds(2) });
        var options = new SimulatorOptions { Endpoint = server.Endpoint, Scenario = file, Dialect = dialect, MaxEvents = Events };
        var result = await Simulation.RunAsync(options, TestContext.Current.CancellationToken).WaitAsync(ToolServer.Patience);
        ToolServer.Until(() => server.Gone.Count == result.Connections || server.Server.Vms.Count == 0, () => $"a session did not end\n{server.Log}");
        ToolServer.Until(() => server.Gone.Any(gone => gone.Reason == DetachReason.Unhook), () => $"no session ended in order\n{server.Log}");
        File.Delete(file);
        return (result, tool, server);
    }
}
