using System.Threading.Channels;
using Kvmi.Protocol;
using Kvmi.Protocol.Ioctls;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Kernel.Hooking;
using Kvmi.Simulator.Scenarios;
using Kvmi.Simulator.Transport;
using Kvmi.Simulator.Transport.Faults;
using Microsoft.Extensions.Logging;

namespace Kvmi.Simulator.DeviceManager;

/// <summary>
/// The device manager of one VM: connects, hooks, tells the kernel what the administrator allows, connects again after a hang-up, and
/// carries out what is asked of the VM (kvmi-later-dialects.md 2.4). One loop does all of it, one thing at a time. Parts: the loop and the
/// connection here, what is asked in <c>.Actions</c>.
/// </summary>
internal sealed partial class VmManager : IDisposable
{
    private static readonly TimeSpan ConnectPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan OutstandingPoll = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan OutstandingPatience = TimeSpan.FromSeconds(5);

    private readonly SimulatorOptions _options;
    private readonly Scenario _scenario;
    private readonly KernelContext _context;
    private readonly IVmPower _power;
    private readonly ToolEndpoint _endpoint;
    private readonly VmDescriptor _vm;
    private readonly ILogger _logger;
    private readonly Channel<VmRequest> _requests = Channel.CreateUnbounded<VmRequest>();
    private DateTimeOffset _startTime;
    private HookedVm? _hook;
    private HookedVm? _lastHook;
    private TimeSpan? _pause;
    private bool _isStopped;
    private bool _isPatient = true;
    private int _connections;

    /// <summary>Makes the device manager of a VM that is running already.</summary>
    /// <exception cref="SimulatorException">The endpoint is none, or an allowed id does not exist.</exception>
    public VmManager(SimulatorOptions options, Scenario scenario, KernelContext context, IVmPower power)
    {
        _options = options;
        _scenario = scenario;
        _context = context;
        _power = power;
        _logger = context.Logger;
        _endpoint = ToolEndpoint.Parse(options.Endpoint);
        _vm = new VmDescriptor(context) { HoldsReceiver = true };
        _startTime = options.TimeProvider.GetUtcNow();
        _faults = new FaultSchedule(scenario.Faults, scenario.Seed, context.Rules.Dialect, options.TimeProvider, _logger);
    }

    /// <summary>Number of connections that got through the handshake.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>The VM's descriptor.</summary>
    public VmDescriptor Vm => _vm;

    /// <summary>The hook of the moment, also when the tool has just closed it; null when there is none.</summary>
    public HookedVm? Hook => Volatile.Read(ref _hook);

    /// <summary>The last hook that was made; null before the first.</summary>
    public HookedVm? LastHook => Volatile.Read(ref _lastHook);

    /// <summary>Asks for something. Any thread.</summary>
    /// <returns>How the tool took it, once it is done.</returns>
    public Task<UnhookOutcome> AskAsync(VmAction action)
    {
        var request = new VmRequest(action, new TaskCompletionSource<UnhookOutcome>(TaskCreationOptions.RunContinuationsAsynchronously));
        if (!_requests.Writer.TryWrite(request))
        {
            request.Done.TrySetResult(UnhookOutcome.NotDone);
        }

        return request.Done.Task;
    }

    /// <summary>Runs until it is told to end, or until there is no tool and no reason to expect one. Once.</summary>
    /// <returns>Why it ended.</returns>
    public async Task<GuestEnd> RunAsync()
    {
        try
        {
            while (true)
            {
                if (await StepAsync().ConfigureAwait(false) is { } end)
                {
                    return end;
                }
            }
        }
        finally
        {
            _requests.Writer.TryComplete();
            while (_requests.Reader.TryRead(out var request))
            {
                request.Done.TrySetResult(UnhookOutcome.NotDone);
            }
        }
    }

    public void Dispose() => _vm.Dispose();

    private async Task<GuestEnd?> StepAsync()
    {
        if (_requests.Reader.TryRead(out var request))
        {
            return await ServeAsync(request).ConfigureAwait(false);
        }

        if (_isStopped)
        {
            await _requests.Reader.WaitToReadAsync().ConfigureAwait(false);
            return null;
        }

        if (_hook is not { } hook)
        {
            return await ConnectAndHookAsync().ConfigureAwait(false);
        }

        await Task.WhenAny(hook.Closed, _requests.Reader.WaitToReadAsync().AsTask()).ConfigureAwait(false);
        return hook.Closed.IsCompleted && !_requests.Reader.TryPeek(out _) ? await HangUpAsync(hook).ConfigureAwait(false) : null;
    }

    /// <summary>The tool hung up, or the kernel did.</summary>
    private async Task<GuestEnd?> HangUpAsync(HookedVm hook)
    {
        await UnhookAsync(hook).ConfigureAwait(false);
        var reason = hook.CloseReason is { } why
            ? $"The simulated kernel closed the connection: {why}."
            : $"The tool closed the connection before the scenario ended{(hook.Loss is { } loss ? $", {loss}" : string.Empty)}.";
        LogMessages.Unhooked(_logger, reason);
        if (_options.Reconnect is { } pause)
        {
            _pause = pause;
            _isPatient = false;
            return null;
        }

        if (EndByFault() is { } written)
        {
            return written;
        }

        // Where the scenario has no end, a tool that leaves without losing anything has given it one.
        return _scenario.IsEndless && hook is { CloseReason: null, Loss: null }
            ? new GuestEnd(SimulationEnd.ClosedByTool, null)
            : new GuestEnd(SimulationEnd.Disconnected, reason);
    }

    private async Task<GuestEnd?> ConnectAndHookAsync()
    {
        using var cancel = new CancellationTokenSource();
        var asked = _requests.Reader.WaitToReadAsync().AsTask();
        var connecting = ConnectAsync(cancel.Token);
        await Task.WhenAny(connecting, asked).ConfigureAwait(false);
        await cancel.CancelAsync().ConfigureAwait(false);
        var connection = await connecting.ConfigureAwait(false);
        if (connection.Socket is { } socket)
        {
            return await HookAsync(socket).ConfigureAwait(false);
        }

        return asked.IsCompleted ? null
            : connection.BrokenBy is not null ? new GuestEnd(SimulationEnd.BrokenByFault, null)
            : new GuestEnd(SimulationEnd.NotConnected, $"{_endpoint.Text}: {connection.Error}");
    }

    private async Task<HandshakeResult> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_pause is { } first)
        {
            await DelayAsync(first, cancellationToken).ConfigureAwait(false);
        }

        var start = _options.TimeProvider.GetTimestamp();
        var hello = MakeHello();
        var connector = new ToolConnector(_endpoint, hello, _options.Cookie, _options.HandshakeTimeout, _options.TimeProvider, _faults);
        while (true)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                return new HandshakeResult(null, "the run was cancelled.", IsUnreachable: false);
            }

            var result = await Task.Run(() => connector.Connect(cancellationToken), CancellationToken.None).ConfigureAwait(false);
            if (result.Socket is not null || cancellationToken.IsCancellationRequested)
            {
                return result;
            }

            if (!result.IsUnreachable)
            {
                LogMessages.HandshakeFailed(_logger, _endpoint.Text, result.Error ?? string.Empty);
            }

            var isFirst = _isPatient && result.IsUnreachable;
            if (isFirst && _options.TimeProvider.GetElapsedTime(start) >= _options.ConnectPatience && _options.Reconnect is null)
            {
                return result with { Error = $"{result.Error} (tried for {_options.ConnectPatience.TotalSeconds:0.###} s). Start the tool, or check the endpoint." };
            }

            if (!isFirst && _options.Reconnect is null)
            {
                return result;
            }

            await DelayAsync(isFirst ? ConnectPause : _options.Reconnect ?? ConnectPause, cancellationToken).ConfigureAwait(false);
        }
    }

    private byte[] MakeHello() => _options is { Dialect: KvmiDialect.RfcV5, RfcV5.SilentHello: true }
        ? VmHello.Create(HelloForm.Base, string.Empty, _scenario.Uuid, DateTimeOffset.UnixEpoch, 0)
        : VmHello.Create(_scenario.Hello ?? VmHello.UsualForm(_options.Dialect), _scenario.Name, _scenario.Uuid, _startTime, _context.Machine.MemorySize);

    /// <summary>HOOK, then one ioctl per allowed id, or one for all where the administrator lists none.</summary>
    private async Task<GuestEnd?> HookAsync(System.Net.Sockets.Socket socket)
    {
        LogMessages.Connected(_logger, _endpoint.Text, _scenario.Name, _scenario.Uuid, MakeHello().Length);
        _pause = null;
        _isPatient = false;
        var descriptor = _vm.Descriptors.Add(socket, CreateWriter(socket));
        var error = await IoctlAsync(_vm.Ioctls.Hook, HookBytes(descriptor)).ConfigureAwait(false);
        _vm.Descriptors.Remove(descriptor);
        if (error != IoctlError.None || _vm.Current is not { } hook)
        {
            socket.Dispose();
            return new GuestEnd(SimulationEnd.Failed, $"The simulated kernel refused the HOOK ioctl: {error}.");
        }

        AttachFaults(hook);
        Volatile.Write(ref _lastHook, hook);
        Volatile.Write(ref _hook, hook);
        await AllowAsync(_vm.Ioctls.Command, _options.AllowedCommands).ConfigureAwait(false);
        await AllowAsync(_vm.Ioctls.Event, _options.AllowedEvents).ConfigureAwait(false);
        Interlocked.Increment(ref _connections);
        _vm.StartReceiver();
        _power.OnHooked(hook, _connections == 1);
        return null;
    }

    private byte[] HookBytes(int descriptor)
    {
        var argument = new byte[_vm.Ioctls.HookLength];
        if (argument.Length == MaskedHookArgument.Length)
        {
            new MaskedHookArgument(descriptor, Mask(_options.AllowedCommands), Mask(_options.AllowedEvents), _scenario.Uuid).Write(argument);
        }
        else
        {
            new HookArgument(descriptor, _scenario.Uuid).Write(argument);
        }

        return argument;
    }

    private static uint Mask(IReadOnlyCollection<ushort>? ids) =>
        ids is null ? uint.MaxValue : ids.Where(id => id < 32).Aggregate(0u, (mask, id) => mask | (1u << id));

    private async Task AllowAsync(uint? ioctl, IReadOnlyCollection<ushort>? ids)
    {
        if (ioctl is not { } number)
        {
            return;
        }

        var argument = new byte[AllowArgument.Length];
        foreach (var id in ids?.Select(id => (int)id) ?? [AllowArgument.All])
        {
            new AllowArgument(1, id).Write(argument);
            if (await IoctlAsync(number, argument).ConfigureAwait(false) is var error and not IoctlError.None)
            {
                LogMessages.AllowFailed(_logger, id, error.ToString());
            }
        }
    }

    private Task<IoctlError> IoctlAsync(uint number, byte[] argument) => _vm.IoctlAsync(number, argument, CancellationToken.None);

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

    /// <summary>Something that was asked for.</summary>
    private readonly record struct VmRequest(VmAction Action, TaskCompletionSource<UnhookOutcome> Done);
}
