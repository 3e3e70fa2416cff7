using System.Threading.Channels;
using Kvmi.Simulator.DeviceManager;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Scenarios;
using Microsoft.Extensions.Logging;

namespace Kvmi.Simulator;

/// <summary>
/// One simulation: the device manager connects and hooks, the guest runs once the tool is ready, and the end is an orderly one
/// (kvmi-later-dialects.md 2.4). Used once.
/// </summary>
internal sealed class SimulationRunner : IVmPower, IDisposable
{
    private static readonly TimeSpan SettlePoll = TimeSpan.FromMilliseconds(10);

    private readonly SimulatorOptions _options;
    private readonly Scenario _scenario;
    private readonly IScenarioGuest _guest;
    private readonly KernelContext _context;
    private readonly VmManager _manager;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _firstHook = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<int> _actionsDue = Channel.CreateUnbounded<int>();
    private readonly Lock _settleGate = new();
    private CancellationTokenSource? _settle;
    private Task _settling = Task.CompletedTask;
    private long _hookedAt;
    private TimeSpan _duration;

    /// <summary>Prepares everything that can fail before a connection is made.</summary>
    /// <param name="options">Checked here.</param>
    /// <param name="scenario">What the guest is, for the hello and the report.</param>
    /// <param name="guest">The guest.</param>
    /// <exception cref="SimulatorException">A wrong option.</exception>
    public SimulationRunner(SimulatorOptions options, Scenario scenario, IScenarioGuest guest)
    {
        var rules = KernelRules.Find(options.Dialect, options.RfcV5)
            ?? throw new SimulatorException($"The {options.Dialect} dialect has no simulated kernel yet; use V7.");
        _options = options;
        _scenario = scenario;
        _guest = guest;
        _logger = options.LoggerFactory.CreateLogger("Kvmi.Simulator");
        _context = new KernelContext
        {
            Machine = guest.Machine,
            Rules = rules,
            Administrator = new AdministratorMask(rules.Dialect, options.AllowedCommands, options.AllowedEvents),
            Counters = new SimulationCounters(),
            Tokens = options.Host?.Tokens,
            RepeatsFetchEvents = options.RepeatsFetchEvents,
            Driver = guest,
            TimeProvider = options.TimeProvider,
            Logger = _logger,
        };
        _context.CreateWorkers();
        guest.Attach(_context);
        guest.ActionDue = number => _actionsDue.Writer.TryWrite(number);
        _manager = new VmManager(options, scenario, _context, this);
    }

    /// <summary>The device manager, for whoever wants something of it.</summary>
    public VmManager Manager => _manager;

    /// <summary>Runs to the end.</summary>
    public async Task<SimulationResult> RunAsync(CancellationToken cancellationToken)
    {
        var (end, reason) = await PlayAsync(cancellationToken).ConfigureAwait(false);
        await StopSettlingAsync().ConfigureAwait(false);
        _guest.Freeze();
        _guest.Machine.Stop();
        var connections = _manager.Connections;
        foreach (var worker in _context.Workers)
        {
            worker.Stop();
        }

        if (connections > 0)
        {
            await Task.WhenAll(_context.Workers.Select(worker => worker.Ended.Task)).ConfigureAwait(false);
        }

        LogMessages.ScenarioEnded(_logger, _scenario.Title, end);
        var sound = end is SimulationEnd.Completed or SimulationEnd.Limit or SimulationEnd.Cancelled or SimulationEnd.ClosedByTool
            or SimulationEnd.ShutDown or SimulationEnd.BrokenByFault;
        if (sound && end is not (SimulationEnd.Cancelled or SimulationEnd.BrokenByFault) && _context.Counters.GuestEvents == 0)
        {
            LogMessages.NothingSeen(_logger, _scenario.Title);
        }

        return new SimulationResult
        {
            Scenario = _scenario.Title,
            End = end,
            EndedAsWritten = sound && reason is null,
            FailureReason = reason,
            Vcpus = _guest.Machine.VcpuCount,
            Seed = _scenario.Seed,
            Connections = connections,
            Duration = _duration,
            Events = _context.Counters.Events(),
            Replies = _context.Counters.Replies(),
            Commands = _context.Counters.Commands(),
            CommandErrors = _context.Counters.Errors(),
            Faults = _manager.Faults,
            Consequences = connections > 0 ? _guest.ReadConsequences() : [],
        };
    }

    public void Halt()
    {
        lock (_settleGate)
        {
            _settle?.Cancel();
        }

        _guest.Freeze();
        _context.WakeAll();
    }

    public void Resume()
    {
        if (_firstHook.Task.IsCompleted)
        {
            StartSettling();
        }
    }

    public void OnHooked(HookedVm hook, bool isFirst)
    {
        if (!isFirst)
        {
            return;
        }

        _hookedAt = _options.TimeProvider.GetTimestamp();
        _context.StartWorkers();
        StartSettling();
        _firstHook.TrySetResult();
    }

    public void Dispose()
    {
        _manager.Dispose();
        _settle?.Dispose();
    }

    private async Task<GuestEnd> PlayAsync(CancellationToken cancellationToken)
    {
        using var stop = new CancellationTokenSource();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var onCancel = cancellationToken.Register(() => cancelled.TrySetResult());
        var limit = LimitAsync(stop.Token);
        var life = _manager.RunAsync();
        var actions = ActAsync(stop.Token);
        await Task.WhenAny(life, _guest.Ended, limit, cancelled.Task).ConfigureAwait(false);
        var reached = life.IsCompleted || _guest.Ended.IsCompleted ? SimulationEnd.Failed
            : limit.IsCompleted ? SimulationEnd.Limit
            : SimulationEnd.Cancelled;
        await stop.CancelAsync().ConfigureAwait(false);
        await limit.ConfigureAwait(false);
        await actions.ConfigureAwait(false);

        GuestEnd end;
        if (_guest.Ended.IsCompleted && !(RanAlone() && _options.Reconnect is null))
        {
            var ended = await _guest.Ended.ConfigureAwait(false);
            end = ended with { Reason = ended.Reason ?? await CloseAsync(life).ConfigureAwait(false) };
        }
        else if (reached == SimulationEnd.Failed)
        {
            end = await life.ConfigureAwait(false);
        }
        else
        {
            end = new GuestEnd(reached, await CloseAsync(life).ConfigureAwait(false));
        }

        _duration = _hookedAt == 0 ? TimeSpan.Zero : _options.TimeProvider.GetElapsedTime(_hookedAt);
        return end;
    }

    // A guest that loses its tool runs on and may be at its end before anybody looks. One whose tool was asked to leave does not.
    private bool RanAlone() => _manager.LastHook is { IsClosed: true, Closing: null } hook && hook.ClosedAt < _guest.EndedAt;

    /// <summary>Has the device manager end the introspection in order.</summary>
    /// <returns>What went wrong; null when nothing did.</returns>
    private async Task<string?> CloseAsync(Task<GuestEnd> life)
    {
        await _manager.AskAsync(VmAction.End).ConfigureAwait(false);
        var (end, reason) = await life.ConfigureAwait(false);

        // A tool that left of its own accord in this very moment has left a guest that was at its end.
        return end is SimulationEnd.Disconnected or SimulationEnd.ClosedByTool
            ? _manager.LastHook?.CloseReason is { } why ? $"The simulated kernel closed the connection: {why}." : null
            : reason;
    }

    private async Task LimitAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _firstHook.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(_options.MaxDuration ?? Timeout.InfiniteTimeSpan, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Something else ended the run.
            return;
        }
    }

    /// <summary>Does what the scenario's steps do to the VM, when every vCPU has come to that place; the guest goes on when the tool is ready again.</summary>
    private async Task ActAsync(CancellationToken cancellationToken)
    {
        var rows = _scenario.ActionRows;
        try
        {
            await foreach (var number in _actionsDue.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                foreach (var action in rows[number])
                {
                    await _manager.AskAsync(action).WaitAsync(cancellationToken).ConfigureAwait(false);
                    await Settled().WaitAsync(cancellationToken).ConfigureAwait(false);
                }

                _guest.Pass(number);
            }
        }
        catch (OperationCanceledException)
        {
            // The run ends; whatever was asked is done or answered by the device manager.
            return;
        }
    }

    private Task Settled()
    {
        lock (_settleGate)
        {
            return _settling;
        }
    }

    private void StartSettling()
    {
        lock (_settleGate)
        {
            _settle?.Cancel();
            _settle?.Dispose();
            _settle = new CancellationTokenSource();
            _settling = SettleAsync(_settling, _settle.Token);
        }
    }

    private async Task StopSettlingAsync()
    {
        lock (_settleGate)
        {
            _settle?.Cancel();
        }

        await Settled().ConfigureAwait(false);
    }

    /// <summary>
    /// Opens the guest when the tool looks ready: it has armed something, then sent nothing for the settle time, and keeps no vCPU
    /// paused. A real guest would not wait; without this a scenario could be over before the tool has armed anything.
    /// </summary>
    private async Task SettleAsync(Task last, CancellationToken cancellationToken)
    {
        await last.ConfigureAwait(false);
        var start = _options.TimeProvider.GetTimestamp();
        while (!cancellationToken.IsCancellationRequested)
        {
            var ready = _manager.Hook is { IsClosed: false, IsArmed: true } hook && hook.Quiet >= _scenario.Settle
                && !_context.Workers.Any(worker => worker.IsBusy);
            if (ready || _options.TimeProvider.GetElapsedTime(start) >= _scenario.MaxWait)
            {
                LogMessages.ScenarioStarts(
                    _logger, _scenario.Title, ready ? "the tool is ready" : $"the tool was not ready after {_scenario.MaxWait.TotalSeconds:0.###} s");
                _guest.Open();
                return;
            }

            try
            {
                await Task.Delay(SettlePoll, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Halted again, or the end of the run.
                return;
            }
        }
    }
}
