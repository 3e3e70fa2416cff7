using System.Collections.Concurrent;

namespace Kvmi.Session.Deadlines;

/// <summary>
/// Who may touch a VM's connection and all that belongs to it: its owner thread, or the watchdog that takes over from it. Code that always
/// comes back (the session, an engine) holds the custody; before it calls code that may not, it lends the thread with
/// <see cref="Lend"/> and asks for it back with <see cref="Reclaim"/>. What such code calls in turn begins with <see cref="Enter"/>.
/// <para>
/// Every member belongs to the owner thread. On the way of an event they cost one store or one compare-exchange each; they never lock,
/// allocate or call the system, but for waking a watchdog that has slept since the last event.
/// </para>
/// </summary>
public sealed class VmCustody
{
    private const int StateBits = 3;
    private const int StateMask = (1 << StateBits) - 1;

    private readonly Watchdog? _watchdog;
    private readonly ConcurrentDictionary<int, bool> _former = [];
    private readonly TimeProvider _time;

    // One number, version and state, so that a state that comes back is still another term.
    private long _term;

    // Written by the owner while it holds the custody, read by the watchdog.
    private long _version;
    private long _start;
    private long _turn;
    private long _call;
    private long _eventCall;
    private long _limit;
    private bool _ofEvent;

    // Written by the watchdog.
    private long _passed;
    private long _passedCall;
    private int _owner = Environment.CurrentManagedThreadId;

    /// <summary>Makes a custody without a watchdog, for VMs without a session: no deadline ever passes.</summary>
    public VmCustody() => _time = TimeProvider.System;

    internal VmCustody(Watchdog watchdog, TimeProvider time)
    {
        _watchdog = watchdog;
        _time = time;
        OwnerTask = NativeThreads.CurrentId;
    }

    /// <summary>
    /// True when the deadline of the current event, or of the last call outside of an event, has passed: the answer has left or leaves
    /// without the handler's.
    /// </summary>
    public bool HasPassed => Volatile.Read(ref _passed) == _turn && _turn != 0;

    /// <summary>True when deadlines are watched over, so that a thread that does not come back is replaced.</summary>
    public bool IsWatched => _watchdog is not null;

    /// <summary>True on a thread that another one has replaced: whatever it still does for this VM is worth nothing.</summary>
    public bool IsLost => _watchdog is not null && Volatile.Read(ref _owner) != Environment.CurrentManagedThreadId;

    private bool CallHasPassed => Volatile.Read(ref _passedCall) == _call || (_ofEvent && HasPassed);

    /// <summary>The kernel's number of the owner thread.</summary>
    internal int OwnerTask { get; private set; }

    /// <summary>Lends the thread: from here to <see cref="Reclaim"/> it may be lost.</summary>
    /// <param name="limit">How long the call may take; commands that it sends included.</param>
    /// <param name="ofEvent">
    /// True: when an event is under way, the call is for it, and its deadline is the call's as well. False: only the call's own limit counts.
    /// </param>
    /// <exception cref="InvalidOperationException">The thread is lent already.</exception>
    public void Lend(TimeSpan limit, bool ofEvent = true)
    {
        if (StateOf(_term) != CustodyState.Host)
        {
            throw new InvalidOperationException("The thread is lent already.");
        }

        _limit = limit.Ticks;
        _call++;
        _ofEvent = ofEvent;
        var isTurn = _start == 0;
        if (isTurn)
        {
            _turn++;
        }

        Publish(CustodyState.Lent);
        if (isTurn)
        {
            WakeWatchdog();
        }
    }

    /// <summary>Takes the thread back.</summary>
    /// <returns>False when the call came back after its deadline.</returns>
    /// <exception cref="HandlerAbandonedException">Another thread has taken this one's place.</exception>
    public bool Reclaim()
    {
        TakeBack(CustodyState.Lent);
        _limit = 0;
        return !CallHasPassed;
    }

    /// <summary>
    /// Comes from code that may be lost into code that may not. Where the thread is not lent it does nothing, so such calls may be nested.
    /// </summary>
    /// <exception cref="EventDeadlineException">The deadline of the call has passed.</exception>
    /// <exception cref="HandlerAbandonedException">Another thread has taken this one's place.</exception>
    /// <exception cref="InvalidOperationException">The calling thread is another one.</exception>
    public CustodyScope Enter()
    {
        var spin = default(SpinWait);
        while (true)
        {
            var term = Volatile.Read(ref _term);
            CheckOwner();
            switch (StateOf(term))
            {
                case CustodyState.Host:
                    return default;
                case CustodyState.Lent when CallHasPassed:
                    throw new EventDeadlineException();
                case CustodyState.Lent when TryChange(term, CustodyState.Host):
                    return new CustodyScope(this);
                case CustodyState.Taken:
                    throw new HandlerAbandonedException();
                default:
                    spin.SpinOnce(sleep1Threshold: -1);
                    break;
            }
        }
    }

    /// <summary>When the current event began. A reading of the clock that the session has taken anyway is used again where it is the same clock.</summary>
    /// <param name="time">The clock that the caller measures with.</param>
    /// <returns>A timestamp of <paramref name="time"/>: the event's begin, or now without an event or by another clock.</returns>
    public long EventStart(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return _start != 0 && ReferenceEquals(time, _time) ? _start : time.GetTimestamp();
    }

    internal static CustodyState StateOf(long term) => (CustodyState)(term & StateMask);

    internal void Leave() => Publish(CustodyState.Lent);

    /// <summary>The calling thread has the custody.</summary>
    /// <exception cref="HandlerAbandonedException">Another thread has taken this one's place.</exception>
    /// <exception cref="InvalidOperationException">The calling thread is another one.</exception>
    internal void CheckOwner()
    {
        if (_watchdog is not null && Volatile.Read(ref _owner) != Environment.CurrentManagedThreadId)
        {
            throw _former.ContainsKey(Environment.CurrentManagedThreadId)
                ? new HandlerAbandonedException()
                : new InvalidOperationException("Only the owner thread of a VM may do this; call it from a member of its handler.");
        }
    }

    /// <summary>An event begins.</summary>
    /// <param name="now">The time, from which its deadline counts.</param>
    internal void BeginEvent(long now)
    {
        _turn++;
        _eventCall = _call + 1;
        Volatile.Write(ref _start, now);
        WakeWatchdog();
    }

    internal void EndEvent() => Volatile.Write(ref _start, 0);

    /// <summary>The owner is about to wait for bytes and uses nothing that sends.</summary>
    /// <returns>False when nothing with a deadline is under way; then there is no end of the wait either.</returns>
    internal bool BeginWait()
    {
        if (_start == 0 && _limit == 0)
        {
            return false;
        }

        Publish(CustodyState.Waiting);
        return true;
    }

    internal void EndWait() => TakeBack(CustodyState.Waiting);

    /// <summary>The calling thread is the owner from now on.</summary>
    internal void Adopt()
    {
        OwnerTask = NativeThreads.CurrentId;
        _start = 0;
        _limit = 0;
        Volatile.Write(ref _owner, Environment.CurrentManagedThreadId);
        Publish(CustodyState.Host);
    }

    /// <summary>A thread that was replaced has come back and ends.</summary>
    internal void Forget()
    {
        if (_former.TryRemove(Environment.CurrentManagedThreadId, out _))
        {
            _watchdog?.ThreadReturned();
        }
    }

    /// <summary>What is under way. For the watchdog.</summary>
    /// <returns>False when it changed meanwhile, so that it is alive.</returns>
    internal bool TryView(out CustodyView view)
    {
        var term = Volatile.Read(ref _term);
        var call = Volatile.Read(ref _call);
        view = new CustodyView(
            term,
            Volatile.Read(ref _start),
            Volatile.Read(ref _turn),
            call,
            new TimeSpan(Volatile.Read(ref _limit)),
            call == Volatile.Read(ref _eventCall));
        return Volatile.Read(ref _term) == term;
    }

    /// <summary>A deadline has passed. For the watchdog.</summary>
    /// <param name="view">What was seen.</param>
    /// <param name="isCall">True when it is that of the call; false when it is that of the event.</param>
    internal void Pass(in CustodyView view, bool isCall)
    {
        if (isCall)
        {
            Volatile.Write(ref _passedCall, view.Call);
        }

        Volatile.Write(ref _passed, view.Turn);
    }

    /// <summary>Borrows the connection. For the watchdog; <see cref="GiveBack"/> ends it.</summary>
    internal bool TryBorrow(long term) => TryChange(term, CustodyState.Borrowed);

    internal void GiveBack(long term) => Volatile.Write(ref _term, term);

    /// <summary>Takes the connection from its owner thread for good. For the watchdog.</summary>
    internal bool TryTake(long term)
    {
        // First: the thread may come back the moment that the custody is taken, and must find itself there to be counted as returned.
        _former[_owner] = true;
        if (!TryChange(term, CustodyState.Taken))
        {
            _former.TryRemove(_owner, out _);
            return false;
        }

        Volatile.Write(ref _owner, 0);
        return true;
    }

    private void TakeBack(CustodyState expected)
    {
        var spin = default(SpinWait);
        while (true)
        {
            // The term first: one of a later owner must not be changed by an earlier one.
            var term = Volatile.Read(ref _term);
            CheckOwner();
            var state = StateOf(term);
            if (state == expected && TryChange(term, CustodyState.Host))
            {
                return;
            }

            if (state == CustodyState.Taken)
            {
                throw new HandlerAbandonedException();
            }

            if (state == CustodyState.Host)
            {
                throw new InvalidOperationException("The thread is not lent.");
            }

            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    private bool TryChange(long term, CustodyState state) =>
        Interlocked.CompareExchange(ref _term, (term & ~(long)StateMask) | (long)state, term) == term;

    private void Publish(CustodyState state) => Volatile.Write(ref _term, (++_version << StateBits) | (long)state);

    private void WakeWatchdog()
    {
        if (_watchdog is { IsAsleep: true } watchdog)
        {
            watchdog.Wake();
        }
    }
}
