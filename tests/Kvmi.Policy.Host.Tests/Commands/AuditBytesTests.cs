using System.Buffers.Binary;
using System.Text.Json;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Policy.Testing.Rig;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>In audit mode a guest gets for each register write the bytes that it would get without any policy.</summary>
public sealed class AuditBytesTests
{
    public static TheoryData<string> Dialects => DialectCommandTests.Dialects;

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task All_shipped_policies_together_answer_register_events_as_no_policy_does(string name)
    {
        using var directory = new TestDirectory();
        await using var host = CommandProcess.Start(
            directory.Path, "run", "--listen", directory.Socket("host.sock"), "--mode", "audit", "--dialect", name, "--json");
        await host.WaitForLineAsync("\"listening\"");
        using var wire = new WireRecorder(Path.Combine(directory.Path, "guest.sock"), Path.Combine(directory.Path, "host.sock"));
        (await CommandProcess.RunAsync("simulate", "--connect", directory.Socket("guest.sock"), "--scenario", "attacks", "--dialect", name)).Expect(0);
        var (ofGuest, ofHost) = await wire.TakeAsync();
        host.Terminate();
        var decided = (await host.WaitForExitAsync()).Expect(0).Json;

        // What is compared is worth it: policies wanted something else for many of these events.
        var wanted = decided.Where(line => RunCommandTests.Type(line) == "decision" && line.TryGetProperty("wouldHave", out _)).ToList();
        Assert.Contains(wanted, line => SubjectOf(line).StartsWith("cr", StringComparison.Ordinal));
        Assert.Contains(wanted, line => SubjectOf(line).StartsWith("msr", StringComparison.Ordinal));

        var dialect = Dialect.All.Single(dialect => dialect.Name == name);
        using var rig = new PolicyRig(NoPolicies(), Vm(dialect), TimeProvider.System);
        var replies = ofHost.ToLookup(Key);
        var reply = new byte[1024];
        var compared = new Dictionary<EventKind, int>();
        var written = new List<(byte[] Event, byte[] Reply)>();
        foreach (var message in ofGuest)
        {
            if (dialect.ReadEvent(message, out var frame) == DecodeStatus.Ok && frame.Kind is EventKind.Cr or EventKind.Msr or EventKind.Xsetbv)
            {
                var expected = reply[..rig.Decide(message, reply)];
                Assert.Equal(expected, Assert.Single(replies[Key(expected)]));
                compared[frame.Kind] = compared.GetValueOrDefault(frame.Kind) + 1;
                written.Add((message, expected));
            }
        }

        Assert.True(compared[EventKind.Cr] > 5 && compared[EventKind.Msr] > 5, "hardly any event was compared");
        EachAlone(dialect, written);
    }

    // Together, one policy's answer could hide another's: each is alone with the same events.
    private static void EachAlone(Dialect dialect, List<(byte[] Event, byte[] Reply)> written)
    {
        var shipped = PolicySetLoader.Load([SamplePolicies.Shipped], PolicyLoadOptions.Default with { Mode = PolicyMode.Audit });
        Assert.DoesNotContain(shipped.Findings, finding => finding.Severity == FindingSeverity.Error);
        var plugins = PluginSetLoader.Discover([Path.Combine(CommandProcess.Directory, "plugins")]);
        var builder = new GenerationBuilder(new ScriptCompiler(), new CollectiblePluginLoader(), TimeProvider.System);
        var voting = new HashSet<string>(StringComparer.Ordinal);
        var reply = new byte[1024];
        foreach (var policy in shipped.Policies)
        {
            var build = builder.Build([policy], plugins, previous: null);
            Assert.True(build.Generation is not null, string.Join('\n', build.Findings));
            using var rig = new PolicyRig(build.Generation, Vm(dialect), TimeProvider.System);
            foreach (var (message, expected) in written)
            {
                var length = rig.Decide(message, reply);
                Assert.True(reply.AsSpan(0, length).SequenceEqual(expected), $"{policy.Id}: {Convert.ToHexStringLower(reply.AsSpan(0, length))} for {Convert.ToHexStringLower(message)}");
                if (rig.Outcome.WouldHave is not null)
                {
                    voting.Add(policy.Id);
                }
            }
        }

        // Those that would have changed one of these writes; a policy that votes for nothing else proves little.
        Assert.Superset(new HashSet<string>(["cr0-pin", "cr4-pin", "efer-guard", "lstar-lock", "syscall-msr-lock", "sysenter-lock"]), voting);
    }

    private static string SubjectOf(JsonElement line) => line.GetProperty("subject").GetString()!;

    private static Generation NoPolicies() =>
        new GenerationBuilder(new ScriptCompiler(), new CollectiblePluginLoader(), TimeProvider.System).Build([], PluginCatalog.Empty, previous: null).Generation!;

    private static FakeVm Vm(Dialect dialect)
    {
        var vm = new FakeVm();
        return new FakeVm { Capabilities = vm.Capabilities with { Dialect = dialect.Id } };
    }

    private static (ushort Id, uint Sequence) Key(byte[] message) =>
        (BinaryPrimitives.ReadUInt16LittleEndian(message), BinaryPrimitives.ReadUInt32LittleEndian(message.AsSpan(4)));
}
