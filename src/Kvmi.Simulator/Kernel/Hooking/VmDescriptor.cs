using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Ioctls;

namespace Kvmi.Simulator.Kernel.Hooking;

/// <summary>
/// The VM's descriptor as the device manager has it: the ioctls that hook and unhook, and the one hook that a VM can have
/// (kvmi-later-dialects.md 2.7; rfc-v5 5.1 and 5.2). Any thread.
/// </summary>
internal sealed class VmDescriptor : IDisposable
{
    private readonly Lock _gate = new();
    private readonly KernelContext _context;
    private readonly IntrospectionIoctls _ioctls;
    private readonly HookProfile _profile;
    private HookedVm? _hook;
    private Receiver? _heldReceiver;

    /// <summary>Makes the descriptor of a VM that nobody introspects.</summary>
    public VmDescriptor(KernelContext context)
    {
        _context = context;
        _ioctls = IntrospectionIoctls.Of(context.Rules.Dialect.Id);
        _profile = context.Rules.Hooking;
        context.Machine.VcpuAdded += OnVcpuAdded;
    }

    /// <summary>The sockets that HOOK can name.</summary>
    public DescriptorTable Descriptors { get; } = new();

    /// <summary>False when introspection is switched off in the kernel module: HOOK is refused.</summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>
    /// True to read nothing from the tool before <see cref="StartReceiver"/>. A real kernel reads from HOOK on, so that a command which
    /// is faster than the COMMAND ioctls is refused; a simulation must not depend on such a race.
    /// </summary>
    public bool HoldsReceiver { get; init; }

    /// <summary>The numbers of this kernel's ioctls.</summary>
    public IntrospectionIoctls Ioctls => _ioctls;

    /// <summary>The hook; null when there is none. It stays until the last vCPU has left it.</summary>
    public HookedVm? Current
    {
        get
        {
            lock (_gate)
            {
                return _hook is { AllVcpusLeft.IsCompleted: false } hook ? hook : null;
            }
        }
    }

    /// <summary>An ioctl on the VM's descriptor.</summary>
    /// <param name="number">Which.</param>
    /// <param name="argument">The bytes that its argument points to; empty for none.</param>
    /// <param name="fatalSignal">Ends a wait with EINTR; only the HOOK of rfc-v5 waits.</param>
    public async Task<IoctlError> IoctlAsync(uint number, ReadOnlyMemory<byte> argument, CancellationToken fatalSignal)
    {
        IoctlError error;
        if (number == _ioctls.Hook)
        {
            error = await HookAsync(argument, fatalSignal).ConfigureAwait(false);
        }
        else if (number == _ioctls.Unhook)
        {
            error = _ioctls.PreUnhook is null && _ioctls.Command is null ? SendUnhookEvent() : Unhook();
        }
        else if (number == _ioctls.PreUnhook)
        {
            error = SendUnhookEvent();
        }
        else if (number == _ioctls.Command || number == _ioctls.Event)
        {
            error = Allow(number == _ioctls.Command, argument.Span);
        }
        else
        {
            return IoctlError.NotThisDevice;
        }

        return error is IoctlError.None or IoctlError.Interrupted || !_profile.FailsWithFaultOnly ? error : IoctlError.Fault;
    }

    /// <summary>Begins to read what the tool sends, where <see cref="HoldsReceiver"/> kept it waiting.</summary>
    public void StartReceiver() => Interlocked.Exchange(ref _heldReceiver, null)?.Start();

    public void Dispose()
    {
        _context.Machine.VcpuAdded -= OnVcpuAdded;
        _hook?.Dispose();
    }

    // Two vCPUs may be plugged in at once and their notes cross: workers are made for all that are there, in order.
    private void OnVcpuAdded(int index)
    {
        lock (_gate)
        {
            for (var next = _context.Workers.Count; next < _context.Machine.VcpuCount; next++)
            {
                var hook = _hook is not null && _hook.TryAddVcpu() ? _hook : null;
                _context.AddWorker(_context.Machine.GetVcpu(next), hook);
                LogMessages.VcpuPluggedIn(_context.Logger, next);
            }
        }
    }
    private async Task<IoctlError> HookAsync(ReadOnlyMemory<byte> argument, CancellationToken fatalSignal)
    {
        if (!IsEnabled)
        {
            return IoctlError.NotPermitted;
        }

        if (!TryReadHook(argument.Span, out var descriptor, out var pad, out var masks))
        {
            return IoctlError.Fault;
        }

        // rfc-v5 takes any padding (5.1).
        if (pad != 0 && masks is null)
        {
            return IoctlError.InvalidArgument;
        }

        while (Current is { } last)
        {
            if (!_profile.SecondHookWaits)
            {
                return IoctlError.Exists;
            }

            try
            {
                await last.AllVcpusLeft.WaitAsync(fatalSignal).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return IoctlError.Interrupted;
            }
        }

        return Descriptors.TryGet(descriptor, out var open) ? Take(open, masks) : IoctlError.InvalidArgument;
    }

    private static bool TryReadLater(ReadOnlySpan<byte> argument, out int descriptor, out uint pad)
    {
        var read = HookArgument.TryRead(argument, out var hook);
        (descriptor, pad) = (hook.Descriptor, hook.Pad);
        return read;
    }

    private bool TryReadHook(ReadOnlySpan<byte> argument, out int descriptor, out uint pad, out (uint Commands, uint Events)? masks)
    {
        masks = null;
        if (_ioctls.HookLength != MaskedHookArgument.Length)
        {
            return TryReadLater(argument, out descriptor, out pad);
        }

        var read = MaskedHookArgument.TryRead(argument, out var hook);
        (descriptor, pad, masks) = (hook.Descriptor, hook.Pad, (hook.Commands, hook.Events));
        return read;
    }

    private IoctlError Take(DescriptorTable.OpenSocket open, (uint Commands, uint Events)? masks)
    {
        Receiver receiver;
        lock (_gate)
        {
            if (_hook is { AllVcpusLeft.IsCompleted: false })
            {
                return IoctlError.Exists;
            }

            if (masks is { } allowed)
            {
                // The enforcement is there either way: without the masks everything known is allowed (rfc-v5 2.2).
                _context.Administrator.SetMasks(
                    _profile.HonoursMasks ? allowed.Commands : uint.MaxValue, _profile.HonoursMasks ? allowed.Events : uint.MaxValue);
            }
            else
            {
                _context.Administrator.Reset();
            }

            var hook = new HookedVm(open.Socket, open.Writer, _context);
            _hook = hook;
            foreach (var worker in _context.Workers)
            {
                worker.Hook(hook);
            }

            receiver = new Receiver(hook, open.Socket);
        }

        if (HoldsReceiver)
        {
            Volatile.Write(ref _heldReceiver, receiver);
        }
        else
        {
            receiver.Start();
        }

        return IoctlError.None;
    }

    private IoctlError Allow(bool isCommand, ReadOnlySpan<byte> argument)
    {
        if (!AllowArgument.TryRead(argument, out var allow))
        {
            return IoctlError.Fault;
        }

        lock (_gate)
        {
            return _hook is null or { AllVcpusLeft.IsCompleted: true } ? IoctlError.Fault
                : isCommand ? _context.Administrator.SetCommand(allow)
                : _context.Administrator.SetEvent(allow);
        }
    }

    /// <summary>PREUNHOOK, and the UNHOOK of rfc-v5, which does no more than this.</summary>
    private IoctlError SendUnhookEvent()
    {
        var isRfcV5 = _ioctls.Command is null;
        if (Current is not { } hook)
        {
            return isRfcV5 ? IoctlError.NoEntry : IoctlError.Fault;
        }

        if (!hook.IsVmEventEnabled(EventKind.Unhook))
        {
            return isRfcV5 ? IoctlError.NotPermitted : IoctlError.NoEntry;
        }

        return hook.SendVmEvent(EventBody.Plain(EventKind.Unhook)) ? IoctlError.None : IoctlError.NoEntry;
    }

    private IoctlError Unhook()
    {
        Current?.Close(null);
        return IoctlError.None;
    }
}
