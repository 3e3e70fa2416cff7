using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Simulator.Kernel;

/// <summary>Sends events and waits for their answers; an answer is a job like any other, so that it keeps its place in the queue.</summary>
internal sealed partial class VcpuWorker
{
    private bool _waiting;
    private bool _replied;
    private EventKind _waitKind;
    private uint _waitSequence;
    private bool _registersDue;
    private KvmRegs _newRegisters;

    /// <summary>CREATE_VCPU once per hook if the tool asked for it, then one PAUSE event per request.</summary>
    private bool SendDueEvents()
    {
        // One that waits to be started has nothing to tell: its first event comes before its first instruction.
        if (_hook is not { } hook || !_vcpu.IsInitialized)
        {
            return false;
        }

        if (_createEventDue && hook.IsVmEventEnabled(EventKind.CreateVcpu))
        {
            _createEventDue = false;
            SendAndWait(EventBody.Plain(EventKind.CreateVcpu));
            return true;
        }

        if (_pausesDue == 0)
        {
            return ReportNothingInjected();
        }

        _pausesDue--;
        SendAndWait(EventBody.Plain(EventKind.PauseVcpu));
        Interlocked.Decrement(ref _pauseRequests);
        return true;
    }

    /// <summary>Sends an event and runs this vCPU's commands until the answer comes or the connection goes. The result is in the outcome.</summary>
    /// <returns>False when the guest is to end.</returns>
    private bool SendAndWait(in EventBody body)
    {
        _outcome.SetDefault(body.Second);
        if (_hook is not { } hook)
        {
            return true;
        }

        _vcpu.GetState(out var state);
        if (!hook.SendEvent(_vcpu.Index, in state, in body, out _waitSequence))
        {
            return true;
        }

        _waitKind = body.Kind;
        _replied = false;
        Volatile.Write(ref _waiting, true);
        while (!_replied && WaitForJob(hook, out var job))
        {
            Execute(in job);
        }

        Volatile.Write(ref _waiting, false);
        if (!Dialect.RepliesNameVcpu)
        {
            hook.ForgetWaiter(_waitSequence);
        }

        if (!_replied)
        {
            var keeps = _registersDue && Traits.KeepsRegistersWithoutReply && !Volatile.Read(ref _stop);
            _registersDue = false;
            if (keeps)
            {
                _vcpu.SetGeneralRegisters(in _newRegisters);
            }

            return !Volatile.Read(ref _stop);
        }

        if (_registersDue)
        {
            _registersDue = false;
            _vcpu.SetGeneralRegisters(in _newRegisters);
        }

        if (_outcome is { Action: EventAction.Crash, IsUnsupported: false })
        {
            hook.Crash(_vcpu.Index);
            return false;
        }

        _context.Driver.OnEventAnswered(_vcpu);
        return true;
    }

    private bool WaitForJob(HookedVm hook, out VcpuJob job)
    {
        lock (_gate)
        {
            // What came before the close still counts: a tool that answers and then closes has answered.
            while (!_jobs.TryDequeue(out job))
            {
                if (hook.IsClosed || _stop)
                {
                    return false;
                }

                Monitor.Wait(_gate);
            }

            Monitor.PulseAll(_gate);
            return true;
        }
    }

    private void TakeReply(in VcpuJob job)
    {
        if (!_waiting || _replied)
        {
            job.Hook.Close($"an event reply came for vCPU {_vcpu.Index}, which waits for none");
            return;
        }

        if (job.Command.Header.Sequence != _waitSequence)
        {
            job.Hook.Close(
                $"the event reply for vCPU {_vcpu.Index} has sequence number {job.Command.Header.Sequence}, the event has {_waitSequence}");
            return;
        }

        var status = Dialect.ReadEventReply(job.Message, _waitKind, out _, out var named, out var reply);
        if (status == CommandStatus.EventFails)
        {
            FailEvent(named);
            return;
        }

        if (status != CommandStatus.Ok)
        {
            job.Hook.Close($"the reply to a {_waitKind} event of vCPU {_vcpu.Index} is longer than the kernel takes or has padding that is not zero");
            return;
        }

        if (!Dialect.RepliesNameVcpu && named != (byte)_waitKind && !AcceptsNamedEvent(named))
        {
            return;
        }

        var legal = _context.Rules.Dialect.IsLegalAction(_waitKind, reply.Action);
        if (!legal)
        {
            LogMessages.UnsupportedAction(_context.Logger, _vcpu.Index, (int)reply.Action, _waitKind);
            if (_context.Rules.UnsupportedActionCloses)
            {
                // What was intercepted is not carried out all the same (3.4).
                job.Hook.Close($"action {(int)reply.Action} is not valid for a {_waitKind} event");
            }
        }

        _context.Counters.Reply(reply.Action);
        _outcome.Set(in reply, _registersDue, legal);
        _replied = true;
    }
}
