using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel;

/// <content>Commands and answers that only rfc-v5 has, or has otherwise (rfc-v5 3 and 4.8 to 4.9).</content>
internal sealed partial class VcpuWorker
{
    private const uint PageFaultVector = 14;
    private const byte GeneralProtectionVector = 13;
    private const byte NonMaskableInterrupt = 2;
    private const uint ExternalInterrupt = 0;
    private const uint HardwareException = 0x300;
    private const uint SoftwareException = 0x600;

    // vCPU events: 1 to 8 and 10 (2.1).
    private const uint VcpuEventBits = 0x5FE;

    private int _droppedRegisters;
    private InjectException? _queuedInjection;
    private bool _isNothingInjected;
    private (byte Vector, uint ErrorCode)? _injectionRecord;

    private void GetVmInfo(in VcpuJob job)
    {
        if (IsOk(in job, Dialect.ReadVcpuOnly(job.Payload, out _)))
        {
            var speed = Traits.HasTscScaling ? _context.Machine.TscFrequency : 0;
            var length = Dialect.WriteData(_data, new VmInfoReply((uint)_context.Workers.Count, speed));
            job.Hook.ReplyData(job.Command, _data.AsSpan(0, length));
        }
    }

    private void ReplaceEvents(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out ControlEventMask command)))
        {
            return;
        }

        var error = VmCommands.CheckEventMask(_context, command.Events, VcpuEventBits);
        if (error != KvmiError.None)
        {
            Answer(in job, error);
            return;
        }

        // PAUSE_VCPU is delivered whatever its bit says (3.11).
        _enabledEvents = command.Events;
        ArmTraps();
        Armed(in job, (command.Events & ~(1u << (int)EventKind.PauseVcpu)) != 0 ? (byte)1 : (byte)0);
    }

    private void GetPageAccess(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out GetPageAccess command)))
        {
            return;
        }

        if (command.View != 0)
        {
            Answer(in job, KvmiError.InvalidArgument);
            return;
        }

        for (var i = 0; i < command.Count; i++)
        {
            _data[i] = (byte)job.Hook.GetPageAccess(command.Gpa(i));
        }

        job.Hook.ReplyData(job.Command, _data.AsSpan(0, command.Count));
    }

    // The first bad entry ends it; the ones before it stay (3.7, A8).
    private void SetPageAccess(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out SetPageAccess command)))
        {
            return;
        }

        var error = command.View == 0 ? KvmiError.None : KvmiError.InvalidArgument;
        for (var i = 0; i < command.Count && error == KvmiError.None; i++)
        {
            error = command.TryGetEntry(i, out var gpa, out var access) && IsPageAccess(access)
                ? job.Hook.SetPageAccess(gpa, (PageAccess)access)
                : KvmiError.InvalidArgument;
        }

        Answer(in job, error);
    }

    private bool IsPageAccess(byte access) =>
        access <= (byte)PageAccess.All && (Traits.AllowsWriteWithoutRead || (access & 3) != (byte)PageAccess.Write);

    // Neither the vector nor the address is looked at; the last injection before the guest runs wins (3.10).
    private void QueueInjection(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out InjectException command)))
        {
            return;
        }

        if (command.Vector > Traits.MaxInjectedVector)
        {
            Answer(in job, KvmiError.InvalidArgument);
            return;
        }

        // What the CPU cannot deliver is taken all the same, and lost.
        var isPossible = command.Vector is <= MaxVector and not NonMaskableInterrupt;
        if (!isPossible)
        {
            LogMessages.InjectionImpossible(_context.Logger, _vcpu.Index, command.Vector);
        }

        _queuedInjection = isPossible ? command : null;
        _isNothingInjected = !isPossible;
        _injectionRecord = (command.Vector, command.HasErrorCode ? command.ErrorCode : 0);
        Answer(in job, KvmiError.None);
    }

    /// <summary>Gives the exception that the tool asked for to the vCPU, right before it enters the guest.</summary>
    private void HandOverInjection()
    {
        if (_queuedInjection is not { } queued)
        {
            return;
        }

        _queuedInjection = null;
        if (!_vcpu.TryInjectException(queued.Vector, queued.ErrorCode, queued.Address))
        {
            LogMessages.InjectionImpossible(_context.Logger, _vcpu.Index, queued.Vector);
        }
    }

    /// <summary>Compares what the guest gets with what the tool asked for; only a loss is an event (4.8).</summary>
    private void ReportLostInjection(in VcpuExit exit)
    {
        if (_injectionRecord is not { } record)
        {
            return;
        }

        _injectionRecord = null;
        var errorCode = exit.WasInjected && exit.Vector != PageFaultVector ? record.ErrorCode : exit.ErrorCode;
        if ((exit.Vector, errorCode) == record || !IsEnabled(EventKind.Trap))
        {
            return;
        }

        _vcpu.GetState(out var state);
        var type = exit.Vector > MaxVector ? ExternalInterrupt : exit.Vector is 3 or 4 ? SoftwareException : HardwareException;
        SendAndWait(EventBody.Trap(exit.Vector, exit.ErrorCode, state.Sregs.Cr2, type));
    }

    /// <summary>The last injection came to nothing: the event for that has neither vector nor type (4.8).</summary>
    private bool ReportNothingInjected()
    {
        if (!_isNothingInjected)
        {
            return false;
        }

        _isNothingInjected = false;
        _injectionRecord = null;
        if (!IsEnabled(EventKind.Trap))
        {
            return false;
        }

        _vcpu.GetState(out var state);
        SendAndWait(EventBody.Trap(0, 0, state.Sregs.Cr2));
        return true;
    }

    // A refused write is an illegal one to whoever asked (4.1).
    private void RaiseGeneralProtection() => _vcpu.TryInjectException(GeneralProtectionVector, 0, 0);

    /// <summary>The reply has a size that this event does not take: nobody has answered, but the connection stays (4.9).</summary>
    private void FailEvent(byte named)
    {
        LogMessages.EventFailed(_context.Logger, _vcpu.Index, _waitKind, named);
        if (_waitKind == EventKind.PageFault && Traits.ServesStaleBytes)
        {
            _outcome.ServeStaleContext();
        }

        _replied = true;
    }

    /// <summary>The event that a reply names is not compared by the code, only by the document (A22).</summary>
    private bool AcceptsNamedEvent(byte named)
    {
        if (Traits.ChecksReplyEvent)
        {
            FailEvent(named);
            return false;
        }

        LogMessages.ReplyNamesOther(_context.Logger, _vcpu.Index, _waitKind, named);
        return true;
    }
}
