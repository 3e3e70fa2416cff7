using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel;

/// <content>Page faults of rfc-v5: the buffer for reads, repetitions without events, and the step over one instruction (rfc-v5 4.7).</content>
internal sealed partial class VcpuWorker
{
    private const int MaxNestedSteps = 7;

    private readonly byte[] _readBuffer = new byte[256];
    private int _readStart;
    private int _readEnd;

    // The REP instruction whose further rounds are not reported, and how many rounds it had left.
    private (ulong Rip, ulong Left)? _quietRepetition;

    private enum AccessAnswer
    {
        Emulate,
        Again,
        Step,
        Ended,
    }

    private void ForgetTracking()
    {
        _readStart = _readEnd = 0;
        _quietRepetition = null;
        _injectionRecord = null;
        _isNothingInjected = false;
    }

    private void HandleTrackedAccess(in VcpuExit exit)
    {
        switch (AskAboutAccess(in exit))
        {
            case AccessAnswer.Emulate:
                EmulateAccess();
                break;
            case AccessAnswer.Step:
                StepOver(in exit);
                break;
            default:
                break;
        }
    }

    private AccessAnswer AskAboutAccess(in VcpuExit exit)
    {
        var isServed = exit.Access == PageAccess.Read && _readStart < _readEnd;
        if (isServed || !IsEnabled(EventKind.PageFault) || IsQuietRepetition())
        {
            return AccessAnswer.Emulate;
        }

        // What no read has taken is gone with the next event.
        _readStart = _readEnd = 0;
        if (!SendAndWait(EventBody.PageFault(exit.Gva, exit.Gpa, exit.Access)))
        {
            return AccessAnswer.Ended;
        }

        NoteRepetition();
        if (_outcome.Action == EventAction.Continue)
        {
            _outcome.Context.CopyTo(_readBuffer);
            _readEnd = _outcome.Context.Length;
            return AccessAnswer.Emulate;
        }

        return _outcome is { Action: EventAction.Retry, Singlestep: not 0 } ? AccessAnswer.Step : AccessAnswer.Again;
    }

    private void EmulateAccess() => _readStart += _vcpu.CompletePageAccess(_readBuffer.AsSpan(_readStart, _readEnd - _readStart));

    private void NoteRepetition()
    {
        _vcpu.GetState(out var state);
        _quietRepetition = _outcome.RepComplete != 0 ? (state.Regs.Rip, state.Regs.Rcx) : null;
    }

    // The same instruction with fewer rounds left is the same execution of it; with as many or more, it has begun anew.
    private bool IsQuietRepetition()
    {
        if (_quietRepetition is not { } quiet)
        {
            return false;
        }

        _vcpu.GetState(out var state);
        var isSame = state.Regs.Rip == quiet.Rip && state.Regs.Rcx < quiet.Left;
        _quietRepetition = isSame ? (quiet.Rip, state.Regs.Rcx) : null;
        return isSame;
    }

    /// <summary>
    /// Executes the instruction with the missing right while all other vCPUs are held, then takes the right away again. Nested faults get their
    /// right too, up to a depth; beyond it, or when the connection ends, the access is emulated.
    /// </summary>
    private void StepOver(in VcpuExit first)
    {
        if (_hook is not { } hook || !HoldOthers(hook))
        {
            EmulateAccess();
            return;
        }

        var frames = new List<(ulong Gpa, PageAccess Access)>(MaxNestedSteps);
        Grant(hook, frames, in first);
        _vcpu.Traps.Singlestep = true;
        var last = RunStep(hook, frames);
        _vcpu.Traps.Singlestep = false;
        for (var i = frames.Count - 1; i >= 0; i--)
        {
            hook.SetPageAccess(frames[i].Gpa, frames[i].Access);
        }

        _context.Steps.Leave();
        _context.WakeAll();
        if (last.Kind == VcpuExitKind.Stopped)
        {
            Stop();
        }
        else if (last.Kind is not (VcpuExitKind.Singlestep or VcpuExitKind.PageAccess))
        {
            Handle(in last);
        }
    }

    private static void Grant(HookedVm hook, List<(ulong Gpa, PageAccess Access)> frames, in VcpuExit exit)
    {
        var before = hook.GetPageAccess(exit.Gpa);
        frames.Add((exit.Gpa, before));
        var access = before | exit.Access;
        var isUnreadable = (access & PageAccess.Write) != 0 && (access & PageAccess.Execute) != 0;
        hook.SetPageAccess(exit.Gpa, isUnreadable ? PageAccess.All : access);
    }

    /// <returns>The exit that ended the instruction; those that do not are dealt with.</returns>
    private VcpuExit RunStep(HookedVm hook, List<(ulong Gpa, PageAccess Access)> frames)
    {
        while (true)
        {
            while (TryTakeJob(out var job))
            {
                Execute(in job);
            }

            lock (_gate)
            {
                _inGuest = true;
            }

            var exit = _vcpu.Run(Budget);
            LeaveGuest();
            if (exit.Kind is VcpuExitKind.Kicked or VcpuExitKind.Budget)
            {
                if (hook.IsClosed)
                {
                    return exit;
                }

                continue;
            }

            if (exit.Kind != VcpuExitKind.PageAccess)
            {
                return exit;
            }

            var answer = AskAboutAccess(in exit);
            if (answer == AccessAnswer.Ended)
            {
                return exit;
            }

            if (answer == AccessAnswer.Step && frames.Count < MaxNestedSteps && !hook.IsClosed)
            {
                Grant(hook, frames, in exit);
            }
            else if (answer != AccessAnswer.Again)
            {
                EmulateAccess();
                return exit;
            }
        }
    }

    /// <summary>Waits for its turn, then gets every other vCPU out of the guest. This vCPU's commands are served meanwhile.</summary>
    /// <returns>False when the connection or the guest ended first.</returns>
    private bool HoldOthers(HookedVm hook)
    {
        while (!_context.Steps.TryEnter(_vcpu.Index))
        {
            if (hook.IsClosed || !ServeWhileHeld())
            {
                return false;
            }
        }

        foreach (var worker in _context.Workers)
        {
            if (!ReferenceEquals(worker, this))
            {
                worker.Wake();
                worker.WaitUntilOutsideGuest(hook);
            }
        }

        return true;
    }

    private bool ServeWhileHeld()
    {
        VcpuJob job;
        lock (_gate)
        {
            while (!_jobs.TryDequeue(out job))
            {
                if (_stop || _hook is { IsClosed: true })
                {
                    return false;
                }

                if (!_context.Steps.Holds(_vcpu.Index))
                {
                    return true;
                }

                Monitor.Wait(_gate);
            }

            Monitor.PulseAll(_gate);
        }

        Execute(in job);
        return true;
    }
}
