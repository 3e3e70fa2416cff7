using Kvmi.Policy.Engine.Tests.Leases.Simulated;
using Kvmi.Protocol;
using Kvmi.Simulator;
using Kvmi.Simulator.Programs;
using Kvmi.Simulator.Scenarios;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>A simulated guest in the test's own process, which connects to a host in another one: its machine is still there when the host is gone.</summary>
internal sealed class WatchedGuest : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly CancellationTokenSource _end = new();
    private readonly ModelGuest _guest;
    private readonly SimulationRunner _runner;
    private readonly SimulationControl _control;

    /// <summary>Starts the guest; it waits for the host's socket.</summary>
    /// <param name="endpoint">The host's.</param>
    /// <param name="reconnects">Whether it connects again when the host is gone.</param>
    public WatchedGuest(string endpoint, bool reconnects = false)
    {
        var options = new SimulatorOptions
        {
            Endpoint = endpoint,
            Settle = TimeSpan.FromMilliseconds(50),
            ConnectPatience = Patience,
            Reconnect = reconnects ? TimeSpan.FromMilliseconds(20) : null,
            UnhookPatience = Patience,
        };
        var scenario = ScenarioLoader.Parse(
            "exits.yaml",
            """
            vcpus: 3
            settle: 50ms
            steps:
              - {program: process-switches, repeat: endless}
            """,
            ModelGuest.ProgramNames);
        _guest = new ModelGuest(scenario, options);
        State = new MachineState(_guest.Machine);
        _runner = new SimulationRunner(options, scenario, _guest);
        _control = new SimulationControl(_runner, _end.Token);
    }

    /// <summary>What has become of the machine.</summary>
    public MachineState State { get; }

    /// <summary>True while a host is hooked.</summary>
    public bool IsHooked => _runner.Manager.Hook is { IsClosed: false };

    /// <summary>Waits until every vCPU has made one more system call, with a host or without: all of them run.</summary>
    public void RunsOn()
    {
        for (var vcpu = 0; vcpu < _guest.Machine.VcpuCount; vcpu++)
        {
            var number = vcpu;
            var before = Syscalls(number);
            Until(() => Syscalls(number) > before, $"vCPU {number} runs on");
        }
    }

    /// <summary>Waits until the differences of the machine's state are as wanted.</summary>
    public void WaitUntil(Predicate<IReadOnlyList<string>> wanted, string what) => Until(() => wanted(State.FindDifferences()), what);

    /// <summary>Waits until no host is hooked any more.</summary>
    public void WaitUntilAlone() => Until(() => _runner.Manager.LastHook is { IsClosed: true } && _runner.Manager.Hook is null, "the kernel unhooks");

    /// <summary>Ends the guest in order.</summary>
    public async Task<SimulationResult> EndAsync()
    {
        await _end.CancelAsync();
        return await _control.Completion.WaitAsync(Patience);
    }

    /// <summary>What happened, when the host ended in order: the guest ends by itself.</summary>
    public async Task<SimulationResult> WaitForEndAsync() => await _control.Completion.WaitAsync(Patience);

    /// <summary>Every event but UNHOOK, which has no reply, was answered.</summary>
    public static void AssertAllAnswered(SimulationResult result)
    {
        var events = result.Events.Where(kind => kind.Key != EventKind.Unhook).Sum(kind => kind.Value);
        Assert.NotEqual(0, events);
        Assert.Equal(events, result.Replies.Sum(kind => kind.Value));
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _control.Completion.WaitAsync(Patience);
        _end.Dispose();
    }

    private static void Until(Func<bool> condition, string what) =>
        Assert.True(SpinWait.SpinUntil(condition, Patience), $"In {Patience.TotalSeconds} s it did not happen that {what}.");

    private ulong Syscalls(int vcpu) => GuestMailbox.Read(_guest.Machine, vcpu, GuestField.Syscalls);
}
