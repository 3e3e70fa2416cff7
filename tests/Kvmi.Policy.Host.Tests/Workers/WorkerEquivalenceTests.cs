using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Host.Tests.Commands;
using Kvmi.Policy.Testing.Policies;
using Kvmi.Protocol;

namespace Kvmi.Policy.Host.Tests.Workers;

/// <summary>The same contract on both sides of the wall.</summary>
[Collection("workers")]
public sealed class WorkerEquivalenceTests : IDisposable
{
    private const string Talkative = """
        var seen = State.Set<ulong>("seen", 4);
        var counts = State.Map<ulong, int>("counts", 4);
        var events = Facts.Get("events");
        var limit = Params.Gpa("limit");

        Decision OnCr(CrEvent e)
        {
            events.Value++;
            counts.TryGet(e.New, out var before);
            counts.TrySet(e.New, before + 1);
            Record("saw", new { e.New, e.Vcpu, before, first = seen.Add(e.New), rax = Registers.Get(GuestRegister.Rax), Vm.Name, Vm.VcpuCount, Enforcing });
            Alert("memory", new
            {
                bytes = Memory.TryReadPhysical(0x5000, 8),
                none = Memory.TryReadPhysical(0xFFFFFFFF000, 8),
                hash = Memory.HashPage(0x5000).ToString(),
                wrote = Memory.TryWritePhysical(0x5100, new byte[] { 1, 2, 3 }),
                mapped = Memory.TryTranslate(e, 0xFFFFFFFF81000000, out var gpa),
                gpa,
                many = Many(e),
                share = 0.5,
                text = "\u001b[31mx\n",
            });
            Registers.Set(GuestRegister.Rbx, 0x1234 + (ulong)before);
            if (e.New == 7) throw new InvalidOperationException("seven");
            if (e.New == 8) return Registers.Get((GuestRegister)99) == 0 ? Allow : Keep(e.Old);
            if (e.New == 9) Memory.TryReadPhysical(0, 100000);
            if (e.New == 10) while (true) { }
            return e.New > limit ? Keep(e.Old) : e.New == 6 ? Set(0x6666) : Allow;
        }

        string Many(CrEvent e) => Ask(e, Memory) + Ask(e, Memory.Fresh);

        static string Ask(CrEvent e, IGuestMemory memory)
        {
            Span<ulong> gpas = stackalloc ulong[3];
            Span<bool> found = stackalloc bool[3];
            Span<byte> three = stackalloc byte[3];
            var text = "";
            foreach (var bytes in memory.TryReadPhysical([new(0x5000, 4), new(0xFFFFFFFF000, 4), new(0x5FFF, 1), new(0x5000, 0)]))
                text += bytes is null ? "none " : bytes.Length + ":" + (bytes.Length > 0 ? bytes[0] : 0) + " ";
            foreach (var bytes in memory.TryReadVirtual(e, [new(0xFFFFFFFF80005001, 2), new(0x0000700000000000, 8)]))
                text += bytes is null ? "none " : bytes[0] + " ";
            Span<ulong> gvas = stackalloc ulong[3];
            gvas[0] = 0xFFFFFFFF80005001;
            gvas[1] = 0x0000700000000000;
            gvas[2] = 0x77;
            text += memory.TryTranslate(e, gvas, gpas, found);
            for (var i = 0; i < 3; i++) text += found[i] + "=" + gpas[i] + " ";
            text += memory.TryReadPhysical(new GuestRange[] { new(0x5001, 1), new(0xFFFFFFFF000, 1), new(0x5003, 1) }, three, found);
            return text + three[0] + "," + three[1] + "," + three[2];
        }
        """;

    private const string TalkativeParameters = """
          parameters: { limit: { type: gpa, default: 0x1000, description: the most } }
          budget: { fuel: 100000, timeout: 500ms }
        """;

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_tests_of_all_shipped_policies_pass_in_the_worker_too()
    {
        var options = PolicyLoadOptions.Default with { Untrusted = true, AllowMissingParameters = true };
        var set = PolicySetLoader.Load([SamplePolicies.Shipped], options);
        var plugins = PluginSetLoader.Discover([Path.Combine(CommandProcess.Directory, "plugins")]);
        var suite = new PolicyTestSuite(WorkerRig.Builder(WorkerRig.Settings), plugins, options);
        var results = set.Policies.SelectMany(policy => suite.Run(policy, set.Policies)).ToList();
        Assert.True(results.Count >= 19);
        var failures = results.Where(result => !result.Passed).SelectMany(result => result.Failures.Select(failure => $"{result.Policy}, {result.Test}: {failure}")).ToList();
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.All(set.Policies, policy => Assert.Equal(PolicyTrust.Untrusted, policy.Trust));
        Assert.Empty(WorkerRig.Workers());
    }

    [Fact]
    public void A_script_that_uses_every_service_decides_alerts_edits_and_fails_alike()
    {
        _directory.Write("policies/p/policy.yaml", WorkerRig.Yaml("file: p.csx", TalkativeParameters));
        _directory.Write("policies/p/p.csx", Talkative);
        using var here = WorkerRig.Attach(_directory, untrusted: false);
        Assert.Empty(WorkerRig.Workers());
        using var there = WorkerRig.Attach(_directory);
        Assert.Single(WorkerRig.Workers());
        foreach (var rig in new[] { here, there })
        {
            rig.Vm.Memory.Write(0x5000, [9, 8, 7, 6, 5, 4, 3, 2]);
        }

        foreach (var value in new ulong[] { 1, 1, 2, 6, 0x2000, 7, 8, 9, 10, 1, 3, 4, 5 })
        {
            var with = new Dictionary<string, ulong> { ["cr"] = 3, ["old"] = 0x1000, ["new"] = value, ["rax"] = value + 1, ["vcpu"] = value & 1 };
            Assert.Equal(here.Decide(EventKind.Cr, with), there.Decide(EventKind.Cr, with));
            Assert.Equal(here.Decision, there.Decision);
            Assert.Equal(here.Vm.Vcpu((int)(value & 1)).Regs.Rbx, there.Vm.Vcpu((int)(value & 1)).Regs.Rbx);
            var output = here.Output();
            Assert.Equal(output, there.Output());
            Assert.Contains(output, line => line.Contains("4:9 none 1:0 0:0 8 none FalseTrue=20481 False=0 True=119 False8,0,6", StringComparison.Ordinal));
        }

        // The same reads are the same commands: the host remembers for both.
        Assert.NotEmpty(Reads(here));
        Assert.Equal(Reads(here), Reads(there));
    }

    private static string[] Reads(WorkerRig rig) => [.. rig.Vm.Commands.Where(command => command.StartsWith("read-physical", StringComparison.Ordinal))];

    [Fact]
    public void A_plugin_and_a_script_that_requires_it_share_a_worker()
    {
        _directory.Write("policies/s/policy.yaml", WorkerRig.Yaml("file: s.csx", "  requires: { plugins: [hostile] }").Replace("test.untrusted", "test.script", StringComparison.Ordinal));
        _directory.Write("policies/s/s.csx", "var counter = Service<Func<int>>(); Decision OnCr(CrEvent e) { Record(\"count\", new { n = counter() }); return Allow; }");
        WorkerRig.WritePlugin(_directory, """
            private int _count;
            protected override void OnAttach() => Publish<Func<int>>(() => _count);
            public Decision OnCr(CrEvent e) { _count++; return Allow; }
            """);
        using var rig = WorkerRig.Attach(_directory);
        Assert.Single(WorkerRig.Workers());
        rig.DecideCr(1, 2);
        rig.DecideCr(1, 2);
        Assert.Contains(rig.Output(), line => line.StartsWith("record count n=", StringComparison.Ordinal) && line.EndsWith('1'));
    }

    [Fact]
    public void A_script_whose_start_fails_is_refused_with_its_place()
    {
        _directory.Write("policies/p/policy.yaml", WorkerRig.Yaml("file: p.csx"));
        _directory.Write("policies/p/p.csx", "var x = 1;\nif (x == 1) throw new InvalidOperationException(\"no\");\nDecision OnCr(CrEvent e) => Allow;");
        using var rig = WorkerRig.Attach(_directory);
        Assert.Contains(rig.Start, line => line.StartsWith("refused ", StringComparison.Ordinal) && line.Contains("p.csx:2:", StringComparison.Ordinal) && line.Contains("InvalidOperationException: no", StringComparison.Ordinal));
        Assert.Empty(WorkerRig.Workers());
    }

    [Fact]
    public void A_host_without_workers_refuses_an_untrusted_policy()
    {
        _directory.Write("policies/p/policy.yaml", WorkerRig.Yaml("file: p.csx", "  trust: untrusted"));
        _directory.Write("policies/p/p.csx", "Decision OnCr(CrEvent e) => Allow;");
        var result = WorkerRig.Build(_directory, settings: null, untrusted: false);
        Assert.Null(result.Generation);
        Assert.Equal("KP0603", Assert.Single(result.Findings).Code);
    }

    [Fact]
    public void State_of_scope_policy_is_refused_for_untrusted_policies()
    {
        var file = _directory.Write("policies/p/policy.yaml", WorkerRig.Yaml("file: p.csx", "  trust: untrusted\n  state: { scope: policy }"));
        _directory.Write("policies/p/p.csx", "Decision OnCr(CrEvent e) => Allow;");
        Assert.Equal("KP0228", Assert.Single(PolicyFileLoader.Load(file, PolicyLoadOptions.Default).Findings).Code);
    }
}
