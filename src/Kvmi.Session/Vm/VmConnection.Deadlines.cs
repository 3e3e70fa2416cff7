using Kvmi.Protocol.Dialects;
using Kvmi.Session.Deadlines;

namespace Kvmi.Session.Vm;

/// <summary>
/// Deadlines: lending the thread to the handler, answering in its place, and going on with another thread where it does not come back.
/// </summary>
internal sealed partial class VmConnection : IWatchedVm
{
    private readonly VmCustody _custody;
    private EventSlot? _current;
    private DetachReason? _ending;
    private bool _giveUp;

    /// <inheritdoc/>
    public VmCustody Custody => _custody;

    /// <summary>Starts a thread that calls <see cref="Continue"/>. Called by the watchdog.</summary>
    public Action? StartSuccessor { get; set; }

    /// <summary>Goes on where a thread was lost that ran <see cref="Run(IVmHandlerFactory, Action)"/> or this; the calling thread becomes the owner.</summary>
    /// <exception cref="HandlerAbandonedException">Another thread has taken this one's place in turn.</exception>
    public DetachReason Continue()
    {
        _custody.Adopt();
        _allocated = GC.GetAllocatedBytesForCurrentThread();
        if (_handler is null)
        {
            return ContinueWithoutHandler();
        }

        _log.ThreadAbandoned(Identity.Peer, Identity.Name);
        _current = null;
        if (_ending is { } reason)
        {
            NotifyReplaced();
            EndDetach();
            return reason;
        }

        return RunToEnd(() =>
        {
            if (_loss is null)
            {
                Resume();
            }

            // Also when the connection is gone: the handler has a call open that never came back.
            NotifyReplaced();
            ThrowIfLost();
            if (_giveUp)
            {
                // In order, so that nothing stays in the guest.
                _log.TooManyThreads(Identity.Peer, Identity.Name, _watchdog.Limits.Threads);
                _stopRequested = true;
            }
        });
    }

    /// <summary>Takes the place of a thread that an observer has kept after the VM's end. The calling thread becomes the owner.</summary>
    public void Retire()
    {
        _custody.Adopt();
        _log.CallAbandoned(Identity.Peer, Identity.Name, "the observer, which was told of its end,");
        Close();
    }

    private DetachReason ContinueWithoutHandler() => RunToEnd(() =>
    {
        _log.CallAbandoned(Identity.Peer, Identity.Name, _isMaking ? "the factory of its handler" : "the observer, which was told of its arrival,");
        ThrowIfLost();
        Resume();
        if (_giveUp)
        {
            _log.TooManyThreads(Identity.Peer, Identity.Name, _watchdog.Limits.Threads);
        }
        else if (!_isMaking)
        {
            Begin();
        }
        else
        {
            _log.NoHandler(Identity.Peer, Identity.Name);
        }
    });

    /// <summary>A thread that has lost the connection ends.</summary>
    public void Leave() => _custody.Forget();

    bool IWatchedVm.TryAnswer()
    {
        if (_current is not { IsWaiting: true } slot)
        {
            return true;
        }

        if (_loss is not null)
        {
            return false;
        }

        try
        {
            // A peer that takes no bytes must not hold the watchdog: the owner thread or its successor sends later.
            if (!_channel.IsWritable())
            {
                return false;
            }

            AnswerInPlace(slot);
            FlushOrLose();
        }
        catch (VmConnectionLostException)
        {
            // Noted; the owner thread or its successor finds it.
        }

        return true;
    }

    bool IWatchedVm.HasLateReplies(long now) => _loss is null && _channel.HasOutput && AreRepliesLate(now);

    void IWatchedVm.TrySendReplies()
    {
        try
        {
            if (_channel.IsWritable())
            {
                FlushOrLose();
            }
        }
        catch (VmConnectionLostException)
        {
            // Noted; the owner thread or its successor finds it.
        }
    }

    void IWatchedVm.Replace(bool giveUp)
    {
        _giveUp = giveUp;
        NativeThreads.Demote(_custody.OwnerTask);
        StartSuccessor!();
    }

    private void AnswerInPlace(EventSlot slot)
    {
        if (_dialect.ReadEvent(slot.Message, out var frame) != DecodeStatus.Ok)
        {
            return;
        }

        var reply = Default(in frame);
        try
        {
            _handler!.OnDeadline(in frame, ref reply);
        }
        catch (Exception exception)
        {
            _statistics.HandlerError();
            _log.HandlerFailed(exception, Identity.Peer, "OnDeadline", slot.Kind, slot.Vcpu, slot.Sequence);
        }

        MakeLegal(slot, ref reply);
        Answer(slot, in frame, in reply);
        _statistics.Timeout();
        _watchdog.CountTimeout();

        // The handler still looks at the bytes of this event: the vCPU's next one gets a slot of its own.
        _slots[slot.Vcpu] = new EventSlot();
    }

    private void DropLateResult(EventSlot slot)
    {
        _statistics.LateResult();
        _watchdog.CountLateResult();
        _log.LateResult(Identity.Peer, slot.Kind, slot.Vcpu, slot.Sequence);
    }
}
