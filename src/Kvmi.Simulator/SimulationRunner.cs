using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Simulator.DeviceManager;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Scenarios;
using Kvmi.Simulator.Transport;
using Microsoft.Extensions.Logging;

namespace Kvmi.Simulator;

/// <summary>
/// One simulation: connects, hooks, lets the guest run, and ends in an orderly way (kvmi-later-dialects.md 2.4). Used once.
/// </summary>
internal sealed class SimulationRunner
{
    private static readonly TimeSpan ConnectPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan SettlePoll = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan OutstandingPatience = TimeSpan.FromSeconds(5);

    private readonly SimulatorOptions _options;
    private readonly Scenario _scenario;
    private readonly IScenarioGuest _guest;
    private readonly KernelContext _context;
    private readonly ToolEndpoint _endpoint;
    private readonly ToolConnector _connector;
    private readonly ILogger _logger;
    private readonly int _helloSize;
    private int _connections;
    private long _hookedAt;
    private TimeSpan _duration;

    /// <summary>Prepares everything that can fail before a connection is made.</summary>
    /// <param name="options">Checked here.</param>
    /// <param name="scenario">What the guest is, for the hello and the report.</param>
    /// <param name="guest">The guest.</param>
    /// <exception cref="SimulatorException">A wrong option.</exception>
    public SimulationRunner(SimulatorOptions options, Scenario scenario, IScenarioGuest guest)
    {
        var rules = KernelRules.Find(options.Dialect)
            ?? throw new SimulatorException($"The {options.Dialect} dialect has no simulated kernel yet; use V7.");
        _options = options;
        _scenario = scenario;
        _guest = guest;
        _logger = options.LoggerFactory.CreateLogger("Kvmi.Simulator");
        _endpoint = ToolEndpoint.Parse(options.Endpoint);
        _context = new KernelContext
        {
            Machine = guest.Machine,
            Rules = rules,
            Administrator = new AdministratorMask(rules.Dialect, options.AllowedCommands, options.AllowedEvents),
            Counters = new SimulationCounters(),
            Driver = guest,
            TimeProvider = options.TimeProvider,
            Logger = _logger,
        };
        _context.CreateWorkers();
        guest.Attach(_context);

        var hello = VmHello.Create(
            scenario.Hello, scenario.Name, scenario.Uuid, options.TimeProvider.GetUtcNow(), guest.Machine.MemorySize);
        _helloSize = hello.Length;
        _connector = new ToolConnector(_endpoint, hello, options.Cookie, options.HandshakeTimeout, options.TimeProvider);
    }

    /// <summary>Runs to the end.</summary>
    public async Task<SimulationResult> RunAsync(CancellationToken cancellationToken)
    {
        var (end, reason) = await PlayAsync(cancellationToken).ConfigureAwait(false);
        _guest.Freeze();
        _guest.Machine.Stop();
        foreach (var worker in _context.Workers)
        {
            worker.Stop();
        }

        if (_connections > 0)
        {
            await Task.WhenAll(_context.Workers.Select(worker => worker.Ended.Task)).ConfigureAwait(false);
        }

        LogMessages.ScenarioEnded(_logger, _scenario.Title, end);
        var sound = end is SimulationEnd.Completed or SimulationEnd.Limit or SimulationEnd.Cancelled or SimulationEnd.ClosedByTool;
        if (sound && end != SimulationEnd.Cancelled && _context.Counters.GuestEvents == 0)
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
            Connections = _connections,
            Duration = _duration,
            Events = _context.Counters.Events(),
            Replies = _context.Counters.Replies(),
            Commands = _context.Counters.Commands(),
            CommandErrors = _context.Counters.Errors(),
            Consequences = _connections > 0 ? _guest.ReadConsequences() : [],
        };
    }

    private async Task<GuestEnd> PlayAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var connection = await ConnectAsync(cancellationToken).ConfigureAwait(false);
            if (connection.Socket is not { } socket)
            {
                return cancellationToken.IsCancellationRequested
                    ? new GuestEnd(SimulationEnd.Cancelled, null)
                    : new GuestEnd(SimulationEnd.NotConnected, $"{_endpoint.Text}: {connection.Error}");
            }

            using var hook = new HookedVm(socket, new SocketMessageWriter(socket), _context);
            Hook(hook, socket);
            var end = await WatchAsync(hook, cancellationToken).ConfigureAwait(false);
            _duration = _options.TimeProvider.GetElapsedTime(_hookedAt);
            if (end is { } ended)
            {
                var problem = await EndAsync(hook).ConfigureAwait(false);
                return ended with { Reason = ended.Reason ?? problem };
            }

            await hook.UnhookAsync().ConfigureAwait(false);
            var reason = hook.CloseReason is { } why
                ? $"The simulated kernel closed the connection: {why}."
                : $"The tool closed the connection before the scenario ended{(hook.Loss is { } loss ? $", {loss}" : string.Empty)}.";
            LogMessages.Unhooked(_logger, reason);
            if (_options.Reconnect is not { } pause)
            {
                // Where the scenario has no end, a tool that leaves without losing anything has given it one.
                return _scenario.IsEndless && hook is { CloseReason: null, Loss: null }
                    ? new GuestEnd(SimulationEnd.ClosedByTool, null)
                    : new GuestEnd(SimulationEnd.Disconnected, reason);
            }

            await DelayAsync(pause, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<HandshakeResult> ConnectAsync(CancellationToken cancellationToken)
    {
        var start = _options.TimeProvider.GetTimestamp();
        while (true)
        {
            var result = await Task.Run(() => _connector.Connect(cancellationToken), CancellationToken.None).ConfigureAwait(false);
            if (result.Socket is not null || cancellationToken.IsCancellationRequested)
            {
                return result;
            }

            if (!result.IsUnreachable)
            {
                LogMessages.HandshakeFailed(_logger, _endpoint.Text, result.Error ?? string.Empty);
            }

            var isFirst = _connections == 0 && result.IsUnreachable;
            if (isFirst && _options.TimeProvider.GetElapsedTime(start) >= _options.ConnectPatience && _options.Reconnect is null)
            {
                return result with { Error = $"{result.Error} (tried for {_options.ConnectPatience.TotalSeconds:0.###} s). Start the tool, or check the endpoint." };
            }

            if (!isFirst && _options.Reconnect is null)
            {
                return result;
            }

            var pause = isFirst ? ConnectPause : _options.Reconnect ?? ConnectPause;
            await DelayAsync(pause, cancellationToken).ConfigureAwait(false);
        }
    }

    private void Hook(HookedVm hook, System.Net.Sockets.Socket socket)
    {
        LogMessages.Connected(_logger, _endpoint.Text, _scenario.Name, _scenario.Uuid, _helloSize);
        foreach (var worker in _context.Workers)
        {
            worker.Hook(hook);
        }

        new Receiver(hook, socket).Start();
        if (_connections++ > 0)
        {
            return;
        }

        _hookedAt = _options.TimeProvider.GetTimestamp();
        foreach (var worker in _context.Workers)
        {
            worker.Start();
        }
    }

    /// <summary>Waits for the end of the guest, a limit, the caller or the connection.</summary>
    /// <returns>Null when the connection was the first to go.</returns>
    private async Task<GuestEnd?> WatchAsync(HookedVm hook, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var limit = CreateLimit();
        var limitSource = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelSource = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var onLimit = limit?.Token.Register(() => limitSource.TrySetResult());
        using var onCancel = cancellationToken.Register(() => cancelSource.TrySetResult());
        var settled = SettleAsync(hook, stop.Token);
        var first = await Task.WhenAny(_guest.Ended, limitSource.Task, cancelSource.Task, hook.Closed).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await settled.ConfigureAwait(false);

        // A guest that loses its tool runs on and may be at its end before this thread looks.
        var ranAlone = hook.IsClosed && hook.ClosedAt < _guest.EndedAt;
        if (_guest.Ended.IsCompleted && !ranAlone)
        {
            return await _guest.Ended.ConfigureAwait(false);
        }

        return hook.IsClosed ? null
            : first == limitSource.Task ? new GuestEnd(SimulationEnd.Limit, null)
            : first == cancelSource.Task ? new GuestEnd(SimulationEnd.Cancelled, null)
            : null;
    }

    private CancellationTokenSource? CreateLimit()
    {
        if (_options.MaxDuration is not { } duration)
        {
            return null;
        }

        var left = duration - _options.TimeProvider.GetElapsedTime(_hookedAt);
        return new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, _options.TimeProvider);
    }

    /// <summary>
    /// Opens the guest when the tool looks ready: it has armed something, then sent nothing for the settle time, and keeps no vCPU
    /// paused. A real guest would not wait; without this a scenario could be over before the tool has armed anything.
    /// </summary>
    private async Task SettleAsync(HookedVm hook, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var ready = hook.IsArmed && hook.Quiet >= _scenario.Settle && !_context.Workers.Any(worker => worker.IsBusy);
            if (ready || _options.TimeProvider.GetElapsedTime(_hookedAt) >= _scenario.MaxWait)
            {
                LogMessages.ScenarioStarts(
                    _logger, _scenario.Title, ready ? "the tool is ready" : $"the tool was not ready after {_scenario.MaxWait.TotalSeconds:0.###} s");
                _guest.Open();
                return;
            }

            await DelayAsync(SettlePoll, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>What the device manager does on <c>stop</c>: UNHOOK event, patience, unhook (2.4).</summary>
    /// <returns>What went wrong; null when nothing did.</returns>
    private async Task<string?> EndAsync(HookedVm hook)
    {
        _guest.Freeze();
        _context.WakeAll();
        await WaitForOutstandingAsync(hook).ConfigureAwait(false);
        string? problem = null;
        if (hook.IsClosed)
        {
            problem = hook.CloseReason is { } why ? $"The simulated kernel closed the connection: {why}." : null;
        }
        else if (hook.IsVmEventEnabled(EventKind.Unhook) && hook.SendVmEvent(EventBody.Plain(EventKind.Unhook)))
        {
            LogMessages.UnhookSent(_logger, _options.UnhookPatience);
            if (!await WaitAsync(hook.Closed, _options.UnhookPatience).ConfigureAwait(false))
            {
                LogMessages.UnhookTimedOut(_logger, _options.UnhookPatience);
                problem = $"The tool did not close the connection within {_options.UnhookPatience.TotalSeconds:0.###} s after the UNHOOK event.";
            }
        }

        await hook.UnhookAsync().ConfigureAwait(false);
        LogMessages.Unhooked(_logger, problem ?? "the scenario is over.");
        return problem;
    }

    // A tool that is just answering is not cut off in mid-sentence.
    private async Task WaitForOutstandingAsync(HookedVm hook)
    {
        var start = _options.TimeProvider.GetTimestamp();
        while (!hook.IsClosed && _context.Workers.Any(worker => worker.IsWaiting)
            && _options.TimeProvider.GetElapsedTime(start) < OutstandingPatience)
        {
            await DelayAsync(SettlePoll, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task<bool> WaitAsync(Task task, TimeSpan patience)
    {
        try
        {
            await task.WaitAsync(patience, _options.TimeProvider, CancellationToken.None).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task DelayAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(pause, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Whoever waits looks at the token next.
            return;
        }
    }
}
