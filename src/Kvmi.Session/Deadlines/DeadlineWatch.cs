namespace Kvmi.Session.Deadlines;

/// <summary>The watchdog's view of one VM. For the watchdog thread only.</summary>
internal sealed class DeadlineWatch
{
    // A call that is late gets as long again, at most this, to come back before its thread is given up: most do.
    private static readonly TimeSpan MaxGrace = TimeSpan.FromMilliseconds(20);

    private readonly TimeProvider _time;
    private readonly TimeSpan _eventLimit;
    private readonly LatenessHistogram _lateness;
    private long _seenTurn;
    private long _seenCall;
    private long _callStart;
    private long _graceStart;
    private long _answeredTurn;

    public DeadlineWatch(VmCustody custody, IWatchedVm vm, TimeSpan eventLimit, LatenessHistogram lateness, TimeProvider time)
    {
        Custody = custody;
        Vm = vm;
        _eventLimit = eventLimit;
        _lateness = lateness;
        _time = time;
    }

    public VmCustody Custody { get; }

    public IWatchedVm Vm { get; }

    /// <summary>True when something has happened since the last <see cref="Check"/>, or is under way.</summary>
    public bool IsBusy => !Custody.TryView(out var view) || view.IsOpen || view.Turn != _seenTurn;

    /// <summary>Does what the time asks for.</summary>
    /// <param name="now">The time.</param>
    /// <param name="isBusy">True when something has happened since the last time, or is under way.</param>
    /// <returns>True when the VM's thread was taken and has to be replaced.</returns>
    public bool Check(long now, out bool isBusy)
    {
        isBusy = true;
        if (!Custody.TryView(out var view))
        {
            return false;
        }

        isBusy = view.IsOpen || view.Turn != _seenTurn;
        var isSlow = view.Turn == _seenTurn;
        _seenTurn = view.Turn;
        if (view.State == CustodyState.Taken || !view.IsOpen)
        {
            return false;
        }

        if (isSlow && view.State == CustodyState.Lent && Vm.HasLateReplies(now))
        {
            SendReplies(in view);
        }

        if (view.Call != _seenCall)
        {
            // Between two events one look in a millisecond is near enough; a timestamp for each call would cost more than most handlers.
            _seenCall = view.Call;
            _callStart = view.BeganWithEvent && view.Start != 0 ? view.Start : now;
            _graceStart = 0;
        }

        var callLate = view.Limit == TimeSpan.Zero ? TimeSpan.MinValue : _time.GetElapsedTime(_callStart, now) - view.Limit;
        var eventLate = view.Start == 0 ? TimeSpan.MinValue : _time.GetElapsedTime(view.Start, now) - _eventLimit;
        var late = callLate > eventLate ? callLate : eventLate;
        if (late < TimeSpan.Zero)
        {
            return false;
        }

        Custody.Pass(in view, isCall: callLate >= TimeSpan.Zero);
        if (view.Start != 0 && _answeredTurn != view.Turn && view.State is CustodyState.Lent or CustodyState.Waiting)
        {
            Answer(in view, late, now);
        }

        return callLate >= TimeSpan.Zero && view.State == CustodyState.Lent && IsGraceOver(view.Limit, now) && Custody.TryTake(view.Term);
    }

    private void Answer(in CustodyView view, TimeSpan late, long now)
    {
        if (!Custody.TryBorrow(view.Term))
        {
            return;
        }

        try
        {
            if (Vm.TryAnswer())
            {
                _answeredTurn = view.Turn;
                _lateness.Add(late + _time.GetElapsedTime(now));
            }
        }
        finally
        {
            Custody.GiveBack(view.Term);
        }
    }

    /// <summary>The handler has been at its event since the last look: replies that are ready do not wait for it.</summary>
    private void SendReplies(in CustodyView view)
    {
        if (!Custody.TryBorrow(view.Term))
        {
            return;
        }

        try
        {
            Vm.TrySendReplies();
        }
        finally
        {
            Custody.GiveBack(view.Term);
        }
    }

    private bool IsGraceOver(TimeSpan limit, long now)
    {
        if (_graceStart == 0)
        {
            _graceStart = now;
            return false;
        }

        return _time.GetElapsedTime(_graceStart, now) >= (limit < MaxGrace ? limit : MaxGrace);
    }
}
