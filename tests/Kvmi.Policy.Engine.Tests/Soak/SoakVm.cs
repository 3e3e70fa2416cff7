using System.Collections.Concurrent;
using System.Globalization;
using Kvmi.Policy.Engine.Tests.Leases.Simulated;
using Kvmi.Protocol;
using Kvmi.Session.Tests.Support;
using Kvmi.Simulator;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Scenarios;

namespace Kvmi.Policy.Engine.Tests.Soak;

/// <summary>One simulated VM of one round: what it does and suffers comes from the seed.</summary>
internal sealed class SoakVm : IDisposable
{
    /// <summary>Most vCPUs of one VM, hot-plugged ones included.</summary>
    public const int MostVcpus = 6;

    private const int ClosedByKernel = 3010;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly string[] Programs =
        ["process-switches", "syscalls", "int3", "hypercall", "descriptor-loads", "wx-violation", "lstar-hijack", "smep-clear"];

    private static readonly string[] Faults =
    [
        "{kind: slow-kernel, every: 40, delay: 1ms}", "{kind: short-writes, every: 5, bytes: 3}", "{kind: event-between, delay: 1ms, probability: 0.2}",
        "{kind: close-mid-message, after: 80}", "{kind: garbage, after: 100, bytes: 600}", "{kind: wrong-seq, on: replies, after: 90}",
    ];

    private readonly CancellationTokenSource _end = new();
    private readonly LogSink _log = new();
    private readonly ModelGuest _guest;
    private readonly SimulationRunner _runner;
    private bool _wasReset;

    public SoakVm(string endpoint, string name, KvmiDialect dialect, Random random)
    {
        Name = name;
        var vcpus = random.Next(1, 5);
        var fault = random.Next(3) == 0 ? $"faults: [{Faults[random.Next(Faults.Length)]}]\n" : "";
        var steps = string.Concat(Enumerable.Range(0, 6).Select(_ => string.Create(
            CultureInfo.InvariantCulture, $"- {{program: {Programs[random.Next(Programs.Length)]}, repeat: {random.Next(2, 12)}}}\n")));
        var plug = random.Next(4) == 0 ? "- {program: hot-plug, vcpu: 0}\n" : "";
        Yaml = string.Create(
            CultureInfo.InvariantCulture,
            $"vcpus: {vcpus}\nseed: {random.Next()}\nsettle: 10ms\nmax-wait: 50ms\nreconnect: 5ms\n{fault}steps:\n{steps}{plug}- {{program: process-switches, repeat: endless}}\n");
        var bytes = new byte[16];
        random.NextBytes(bytes);
        var options = new SimulatorOptions
        {
            Endpoint = endpoint,
            Dialect = dialect,
            Name = name,
            Uuid = new Guid(bytes),
            UnhookPatience = Patience,
            Reconnect = TimeSpan.FromMilliseconds(5),
            Settle = TimeSpan.FromMilliseconds(10),
            LoggerFactory = _log,
        };
        var scenario = ScenarioLoader.Parse("soak.yaml", Yaml, ModelGuest.ProgramNames);
        scenario = scenario with { Name = name, Uuid = options.Uuid.Value, Settle = options.Settle.Value };
        _guest = new ModelGuest(scenario, options);
        State = new MachineState(_guest.Machine);
        _runner = new SimulationRunner(options, scenario, _guest);
        Control = new SimulationControl(_runner, _end.Token);
    }

    /// <summary>Its name in the hello.</summary>
    public string Name { get; }

    /// <summary>The scenario, for messages.</summary>
    public string Yaml { get; }

    /// <summary>The machine.</summary>
    public MachineState State { get; }

    /// <summary>The device manager.</summary>
    public SimulationControl Control { get; }

    /// <summary>Why the kernel closed connections of its own accord: it does when an answer comes twice, too late, or for nobody.</summary>
    public IEnumerable<string> KernelsComplaints => _log.Lines
        .Where(line => line.Id == ClosedByKernel && !line.Text.Contains("the scenario's fault", StringComparison.Ordinal)).Select(line => line.Text);

    /// <summary>One thing that an administrator or fate does.</summary>
    /// <returns>What it was.</returns>
    public async Task<string> SufferAsync(int choice)
    {
        switch (choice)
        {
            case 0:
                await Control.MigrateAsync().WaitAsync(Patience);
                return "migration";
            case 1:
                await Control.SnapshotAsync().WaitAsync(Patience);
                return "snapshot";
            case 2:
                await Control.StopAsync().WaitAsync(Patience);
                await Control.ContinueAsync().WaitAsync(Patience);
                return "stop and continue";
            case 3:
                _wasReset = true;
                await Control.ResetAsync().WaitAsync(Patience);
                return "reset";
            case 4:
                if (_guest.Machine.VcpuCount < MostVcpus)
                {
                    Assert.True(_guest.Machine.TryAddVcpu(out _));
                }

                return "hot-plug";
            default:
                _runner.Manager.LastHook?.CloseByTool("because the soak cut it");
                return "cut";
        }
    }

    /// <summary>What is not as it was, besides what the guest's own programs write. Journals of a machine that was reset are void, and the model's memory survives a reset.</summary>
    public string[] Differences() =>
    [
        .. State.FindDifferences().Where(difference =>
            !difference.StartsWith("page 0x110", StringComparison.Ordinal) && !(_wasReset && difference == "page 0x7002000 has other bytes")),
    ];

    /// <summary>Ends the VM in order.</summary>
    public async Task<SimulationResult> EndAsync()
    {
        await _end.CancelAsync();
        return await Control.Completion.WaitAsync(Patience);
    }

    public void Dispose() => _end.Dispose();
}
