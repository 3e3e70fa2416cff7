using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Kvmi.Simulator;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Scenarios;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Policy.Engine.Tests.Leases.Simulated;

/// <summary>The engine with a real session, against a simulated VM that runs and whose machine can be looked at.</summary>
internal sealed class LeaseBench : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan AShortWhile = TimeSpan.FromMilliseconds(200);

    private readonly string _folder = Directory.CreateTempSubdirectory("kvmi").FullName;
    private readonly CancellationTokenSource _end = new();
    private readonly KvmiServer _server;
    private readonly ModelGuest _guest;
    private readonly SimulationRunner _runner;
    private readonly SimulationControl _control;
    private int _generation;

    /// <param name="dialect">What the VM speaks.</param>
    /// <param name="first">A further step of the scenario, before the others.</param>
    public LeaseBench(KvmiDialect dialect, string? first = null)
    {
        Engine = new PolicyEngine(new PolicyEngineOptions { Output = Sink, StateDirectory = _folder });
        var options = new SimulatorOptions
        {
            Endpoint = "unix:" + Path.Combine(_folder, "s"),
            Dialect = dialect,
            Settle = TimeSpan.FromMilliseconds(10),
            Reconnect = TimeSpan.FromMilliseconds(5),
            UnhookPatience = Patience,
        };
        var scenario = ScenarioLoader.Parse(
            "leases.yaml",
            $$"""
            vcpus: 2
            settle: 10ms
            max-wait: 50ms
            steps:{{(first is null ? "" : $"\n  - {first}")}}
              - {program: int3, repeat: 2}
              - {program: syscalls, repeat: 3}
              - {program: process-switches, repeat: endless}
            """,
            ModelGuest.ProgramNames);
        _guest = new ModelGuest(scenario, options);
        State = new MachineState(_guest.Machine);
        Vm = new WatchedVm(Engine, State.FindDifferences);
        _server = new KvmiServer(new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse(options.Endpoint)] }, Vm, NullLoggerFactory.Instance, TimeProvider.System);
        _server.Start();
        _runner = new SimulationRunner(options, scenario, _guest);
        _control = new SimulationControl(_runner, _end.Token);
        Until(() => Vm.Attached == 1, "the VM connects");
    }

    public PolicyEngine Engine { get; }

    public EngineBench.ListSink Sink { get; } = new();

    public WatchedVm Vm { get; }

    public MachineState State { get; }

    public void Load(params GenerationPolicy[] policies) => Engine.Swap(new Generation(++_generation, policies, new EngineBench.CodeLife()));

    /// <summary>Lets the guest run on for this many calls of the engine, or fewer when nobody watches it: then the engine hears of ticks alone.</summary>
    public void RunOn(long calls)
    {
        var start = Vm.Calls;
        Until(() => Vm.Calls > start || _guest.Ended.IsCompleted, "the engine is called");
        SpinWait.SpinUntil(() => Vm.Calls >= start + calls || _guest.Ended.IsCompleted, AShortWhile);
    }

    /// <summary>The guest's vCPU of this number, once it was plugged in; null before.</summary>
    public IVcpu? Vcpu(int number) => number < _guest.Machine.VcpuCount ? _guest.Machine.GetVcpu(number) : null;

    public void HotPlug()
    {
        if (_guest.Machine.VcpuCount < 5)
        {
            Assert.True(_guest.Machine.TryAddVcpu(out _));
        }
    }

    /// <summary>The device manager asks the tool to leave, and connects again.</summary>
    public async Task MigrateAsync()
    {
        var attached = Vm.Attached;
        await _control.MigrateAsync().WaitAsync(Patience);
        Until(() => Vm.Attached > attached, "the migrated VM connects");
    }

    /// <summary>The VM is stopped and goes on.</summary>
    public async Task StopAndContinueAsync()
    {
        var attached = Vm.Attached;
        await _control.StopAsync().WaitAsync(Patience);
        await _control.ContinueAsync().WaitAsync(Patience);
        Until(() => Vm.Attached > attached, "the VM connects after its stop");
    }

    /// <summary>
    /// The connection breaks. The guest stands still meanwhile and no vCPU waits in an event: one that runs into a breakpoint that nobody
    /// listens to any more gets a #BP, and no tool can help that.
    /// </summary>
    public async Task LoseAsync()
    {
        var attached = Vm.Attached;
        var hook = _runner.Manager.LastHook!;
        await StandStillAsync(hook);
        hook.CloseByTool("because the test cut it");
        Until(() => Vm.Attached > attached, "the VM connects after a loss");
        _guest.Open();
    }

    public async Task<SimulationResult> EndAsync()
    {
        await _end.CancelAsync();
        var result = await _control.Completion.WaitAsync(Patience);
        Until(() => Vm.Detached == Vm.Attached, "the last connection ends");
        return result;
    }

    public StatusOutput[] Statuses(string status)
    {
        Engine.Flush();
        return [.. Sink.Records.OfType<StatusOutput>().Where(record => record.Status == status)];
    }

    /// <summary>Journals that are left.</summary>
    public string[] Journals() => Directory.GetFiles(_folder, "*.patches");

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _control.Completion.WaitAsync(Patience);
        await _server.DisposeAsync();
        Engine.Dispose();
        _end.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public static void Until(Func<bool> condition, string what) =>
        Assert.True(SpinWait.SpinUntil(condition, Patience), $"In {Patience.TotalSeconds} s it did not happen that {what}.");

    private async Task StandStillAsync(HookedVm hook)
    {
        _guest.Freeze();
        hook.Context.WakeAll();
        foreach (var worker in hook.Context.Workers)
        {
            worker.WaitUntilOutsideGuest(hook);
        }

        // A command that a vCPU has answered came behind every event of its that was on the way.
        await Vm.OnOwnerAsync(vm =>
        {
            for (var vcpu = 0; vcpu < vm.VcpuCount; vcpu++)
            {
                vm.GetRegisters((ushort)vcpu, out _, []);
            }
        }).WaitAsync(Patience);
        Until(() => !hook.Context.Workers.Any(worker => worker.IsBusy), "no vCPU waits for an answer");
    }
}
