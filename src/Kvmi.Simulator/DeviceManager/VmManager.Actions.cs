using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Kernel.Hooking;
using Kvmi.Simulator.Scenarios;

namespace Kvmi.Simulator.DeviceManager;

/// <content>What is asked of the VM.</content>
internal sealed partial class VmManager
{
    private async Task<GuestEnd?> ServeAsync(VmRequest request)
    {
        GuestEnd? end = null;
        var outcome = UnhookOutcome.NotHooked;
        LogMessages.ActionStarts(_logger, request.Action);
        switch (request.Action)
        {
            case VmAction.Stop:
                outcome = await PreUnhookAsync().ConfigureAwait(false);
                _isStopped = true;
                break;
            case VmAction.Continue:
                GoOn(isStopped: false);
                break;
            case VmAction.Migrate or VmAction.Snapshot:
                // The guest runs on until the tool has let go, then the one host stops and the other goes on; a VM that was stopped stays so.
                outcome = await PreUnhookAsync().ConfigureAwait(false);
                GoOn(_isStopped);
                break;
            case VmAction.Reset:
                outcome = await CutOffAsync().ConfigureAwait(false);
                _startTime = _options.TimeProvider.GetUtcNow();
                GoOn(_isStopped);
                break;
            case VmAction.Shutdown:
                outcome = await CutOffAsync().ConfigureAwait(false);
                end = new GuestEnd(SimulationEnd.ShutDown, null);
                break;
            default:
                end = await EndAsync().ConfigureAwait(false);
                break;
        }

        request.Done.TrySetResult(outcome);
        return end;
    }

    private void GoOn(bool isStopped)
    {
        _isStopped = isStopped;
        if (!isStopped)
        {
            _isPatient = true;
            _pause = null;
            _power.Resume();
        }
    }

    /// <summary>The scenario is over, or a limit or the caller ended it: the guest stands still before the tool is asked to leave.</summary>
    private async Task<GuestEnd?> EndAsync()
    {
        _power.Halt();
        _context.WakeAll();
        if (_hook is not { } hook)
        {
            return new GuestEnd(SimulationEnd.Completed, null);
        }

        await WaitForOutstandingAsync(hook).ConfigureAwait(false);
        var outcome = await PreUnhookAsync().ConfigureAwait(false);
        var problem = outcome switch
        {
            UnhookOutcome.TimedOut =>
                $"The tool did not close the connection within {_options.UnhookPatience.TotalSeconds:0.###} s after the UNHOOK event.",
            UnhookOutcome.NotHooked when hook.CloseReason is { } why => $"The simulated kernel closed the connection: {why}.",
            _ => null,
        };
        LogMessages.Unhooked(_logger, problem ?? "the scenario is over.");
        return new GuestEnd(SimulationEnd.Completed, problem);
    }

    // A tool that is just answering is not cut off in mid-sentence.
    private async Task WaitForOutstandingAsync(HookedVm hook)
    {
        var start = _options.TimeProvider.GetTimestamp();
        while (!hook.IsClosed && _context.Workers.Any(worker => worker.IsWaiting)
            && _options.TimeProvider.GetElapsedTime(start) < OutstandingPatience)
        {
            await DelayAsync(OutstandingPoll, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Asks the tool to leave and waits for it; cuts it off when it cannot be asked or does not leave in time. The guest stands still after it.
    /// </summary>
    private async Task<UnhookOutcome> PreUnhookAsync()
    {
        if (_hook is not { } hook)
        {
            _power.Halt();
            return UnhookOutcome.NotHooked;
        }

        // A guest that ran on between the end of the connection and its own would do what no tool ever sees.
        hook.Closing = _power.Halt;
        var outcome = UnhookOutcome.NotHooked;
        if (!hook.IsClosed)
        {
            // The UNHOOK of rfc-v5 is what later series call PREUNHOOK (rfc-v5 5.2).
            var error = await IoctlAsync(_vm.Ioctls.PreUnhook ?? _vm.Ioctls.Unhook, []).ConfigureAwait(false);
            outcome = error != IoctlError.None ? UnhookOutcome.CutOff : await WaitForToolAsync(hook).ConfigureAwait(false);
        }

        await UnhookAsync(hook).ConfigureAwait(false);
        _power.Halt();
        return outcome;
    }

    private async Task<UnhookOutcome> WaitForToolAsync(HookedVm hook)
    {
        LogMessages.UnhookSent(_logger, _options.UnhookPatience);
        try
        {
            await hook.Closed.WaitAsync(_options.UnhookPatience, _options.TimeProvider, CancellationToken.None).ConfigureAwait(false);
            return UnhookOutcome.ToolClosed;
        }
        catch (TimeoutException)
        {
            LogMessages.UnhookTimedOut(_logger, _options.UnhookPatience);
            return UnhookOutcome.TimedOut;
        }
    }

    private async Task<UnhookOutcome> CutOffAsync()
    {
        if (_hook is not { } hook)
        {
            _power.Halt();
            return UnhookOutcome.NotHooked;
        }

        hook.Closing = _power.Halt;
        var outcome = hook.IsClosed ? UnhookOutcome.NotHooked : UnhookOutcome.CutOff;
        await UnhookAsync(hook).ConfigureAwait(false);
        return outcome;
    }

    /// <summary>Hangs up, ends the hook and waits until each vCPU has left it: only then does the kernel take another HOOK (2.7).</summary>
    private async Task UnhookAsync(HookedVm hook)
    {
        hook.Close(null);
        if (_vm.Ioctls.PreUnhook is not null)
        {
            await IoctlAsync(_vm.Ioctls.Unhook, []).ConfigureAwait(false);
        }

        await hook.AllVcpusLeft.ConfigureAwait(false);
        Volatile.Write(ref _hook, null);
    }
}
