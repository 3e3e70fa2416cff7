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
        if (CallOutside(call) is { } failure)
        {
            _log.ObserverFailed(failure, Identity.Peer);
        }
    }

    private void Make()
    {
        IVmHandler? handler = null;
        if (CallOutside(() => handler = _factory!.Create(this)) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        _handler = handler;
    }

    private void NotifyAttached() => AfterCall(Call(0, static (handler, _) => handler.Attached()), "Attached");

    private void NotifyIdle() => AfterCall(Call(0, static (handler, _) => handler.Idle()), "Idle");

    private void NotifyOf(in EventFrame frame) =>
        AfterCall(Call(frame, static (handler, notification) => handler.OnNotification(in notification)), "OnNotification");

    private void NotifyDetaching(DetachReason reason) =>
        AfterLastCall(Call(reason, static (handler, why) => handler.Detaching(why)), "Detaching");

    private void NotifyReplaced() => AfterLastCall(Call(0, static (handler, _) => handler.Replaced()), "Replaced");

    /// <summary>Code that is not the handler's, or is not yet, gets the thread for one call.</summary>
    /// <returns>What it threw; null for nothing.</returns>
    private Exception? CallOutside(Action call)
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
        return failure;
    }

    /// <summary>The handler gets the thread for one call.</summary>
    /// <returns>What it threw; null for nothing.</returns>
    private Exception? Call<T>(T argument, Action<IVmHandler, T> member)
        where T : allows ref struct
    {
        Exception? failure = null;
        Lend(_watchdog.Limits.Call);
        try
        {
            member(_handler!, argument);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        Reclaim();
        return failure;
    }

    private void AfterCall(Exception? failure, string member)
    {
        ThrowIfLost();
        if (failure is not null)
        {
            HandlerFailed(failure, member);
            Resume();
        }
    }

    private void AfterLastCall(Exception? failure, string member)
    {
        // When the peer left while the handler gave back what it had taken, the hypervisor's clean-up does the rest.
        if (failure is not null && !IsLoss(failure))
        {
            HandlerFailed(failure, member);
        }
    }

    private bool IsLoss(Exception exception) => _loss is not null && exception is VmConnectionLostException;

    private void HandlerFailed(Exception exception, string member)
    {
        _statistics.HandlerError();
        _log.HandlerMemberFailed(exception, Identity.Peer, member);
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
