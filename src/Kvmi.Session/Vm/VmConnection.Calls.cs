using System.Runtime.ExceptionServices;
using Kvmi.Protocol.Events;
using Kvmi.Session.Deadlines;

namespace Kvmi.Session.Vm;

/// <summary>Calls of the handler's members other than OnEvent: each with a deadline, and nothing that it throws ends the connection.</summary>
internal sealed partial class VmConnection
{
    /// <summary>Calls an observer. What it throws is logged.</summary>
    /// <exception cref="HandlerAbandonedException">It did not come back in time, and another thread has taken this one's place.</exception>
    public void Tell(Action call)
    {
        Exception? failure = null;
        _custody.Lend(_watchdog.Limits.Call, ofEvent: false);
        try
        {
            call();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        _custody.Reclaim();
        if (failure is not null)
        {
            _log.ObserverFailed(failure, Identity.Peer);
        }
    }

    private void Make()
    {
        IVmHandler? handler = null;
        Exception? failure = null;
        _custody.Lend(_watchdog.Limits.Call, ofEvent: false);
        try
        {
            handler = _factory!.Create(this);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        _custody.Reclaim();
        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        _handler = handler;
    }

    private void NotifyAttached()
    {
        Exception? failure = null;
        Lend(_watchdog.Limits.Call);
        try
        {
            _handler!.Attached();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        AfterCall(failure, "Attached");
    }

    private void NotifyIdle()
    {
        Exception? failure = null;
        Lend(_watchdog.Limits.Call);
        try
        {
            _handler!.Idle();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        AfterCall(failure, "Idle");
    }

    private void NotifyOf(in EventFrame frame)
    {
        Exception? failure = null;
        Lend(_watchdog.Limits.Call);
        try
        {
            _handler!.OnNotification(in frame);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        AfterCall(failure, "OnNotification");
    }

    /// <summary>Takes the thread back and looks what became of the call.</summary>
    private void AfterCall(Exception? failure, string member)
    {
        Reclaim();
        ThrowIfLost();
        if (failure is not null)
        {
            HandlerFailed(failure, member);
            Resume();
        }
    }

    private void NotifyDetaching(DetachReason reason)
    {
        Exception? failure = null;
        Lend(_watchdog.Limits.Call);
        try
        {
            _handler!.Detaching(reason);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        Reclaim();

        // When the peer left while the handler gave back what it had taken, the hypervisor's clean-up does the rest.
        if (failure is not null && !IsLoss(failure))
        {
            HandlerFailed(failure, "Detaching");
        }
    }

    private bool IsLoss(Exception exception) => _loss is not null && exception is VmConnectionLostException;

    private void HandlerFailed(Exception exception, string member)
    {
        _statistics.HandlerError();
        _log.HandlerMemberFailed(exception, Identity.Peer, member);
    }

    private void NotifyReplaced()
    {
        Exception? failure = null;
        Lend(_watchdog.Limits.Call);
        try
        {
            _handler!.Replaced();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        Reclaim();
        if (failure is not null && !IsLoss(failure))
        {
            HandlerFailed(failure, "Replaced");
        }
    }

    /// <summary>The handler's code follows. A handler that lends the thread itself is trusted to come back.</summary>
    private void Lend(TimeSpan limit)
    {
        if (!_handler!.LendsThread)
        {
            _custody.Lend(limit);
        }
    }

    private void Reclaim()
    {
        if (_handler!.LendsThread)
        {
            _custody.CheckOwner();
        }
        else
        {
            _custody.Reclaim();
        }
    }
}
