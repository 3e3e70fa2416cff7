using Microsoft.Extensions.Logging;

namespace Kvmi.Session.Deadlines;

/// <summary>
/// The one thread that watches over the deadlines of all VMs of a server. While events are decided it looks every millisecond; when none
/// has come for a while it sleeps until the next one.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(1);

    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly DeadlineLimits _limits;
    private readonly int _priority;
    private readonly LatenessHistogram _lateness = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly Lock _lock = new();
    private readonly List<DeadlineWatch> _taken = [];
    private readonly Thread _thread;
    private DeadlineWatch[] _watches = [];
    private volatile bool _asleep;
    private volatile bool _stop;
    private volatile bool _isRealTime;
    private long _timeouts;
    private long _lateResults;
    private long _abandoned;
    private int _abandonedNow;
    private readonly TimeSpan _pausesBefore = GC.GetTotalPauseDuration();
    private TimeSpan _pauses;
    private long _maxPause;
    private int _collections;
    private bool _failing;

    /// <summary>Makes a watchdog that does not run yet.</summary>
    /// <param name="limits">Of the handlers.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">Log.</param>
    /// <param name="priority">Its real-time priority, where it is permitted.</param>
    public Watchdog(DeadlineLimits limits, TimeProvider time, ILogger log, int priority = 1)
    {
        _priority = priority;
        _limits = limits;
        _time = time;
        _log = log;
        _thread = new Thread(Run) { IsBackground = true, Name = "kvmi-watchdog" };
    }

    /// <summary>True while it has to be woken for an event.</summary>
    public bool IsAsleep => _asleep;

    /// <summary>True while its thread runs.</summary>
    public bool IsAlive => _thread.IsAlive;

    /// <summary>True when as many threads hang as may.</summary>
    public bool IsFull => Volatile.Read(ref _abandonedNow) >= _limits.Threads;

    /// <summary>Limits of the handlers.</summary>
    public DeadlineLimits Limits => _limits;

    /// <summary>What came of the deadlines so far. Any thread.</summary>
    public DeadlineCounters Counters => new()
    {
        Timeouts = Interlocked.Read(ref _timeouts),
        LateResults = Interlocked.Read(ref _lateResults),
        AbandonedThreads = Interlocked.Read(ref _abandoned),
        AbandonedNow = Volatile.Read(ref _abandonedNow),
        P50Lateness = _lateness.Quantile(0.5),
        P99Lateness = _lateness.Quantile(0.99),
        MaxLateness = _lateness.Max,
        TotalGcPause = GC.GetTotalPauseDuration() - _pausesBefore,
        MaxGcPause = new TimeSpan(Interlocked.Read(ref _maxPause)),
        IsRealTime = _isRealTime,
    };

    public void Start() => _thread.Start();

    public void Wake() => _wake.Set();

    /// <summary>Watches over a VM until <see cref="Remove"/>. Any thread.</summary>
    public void Add(VmCustody custody, IWatchedVm vm)
    {
        lock (_lock)
        {
            _watches = [.. _watches, new DeadlineWatch(custody, vm, _limits.Event, _lateness, _time)];
        }

        Wake();
    }

    public void Remove(VmCustody custody)
    {
        lock (_lock)
        {
            _watches = [.. _watches.Where(watch => watch.Custody != custody)];
        }
    }

    /// <summary>An event was answered at its deadline. Any thread.</summary>
    public void CountTimeout() => Interlocked.Increment(ref _timeouts);

    /// <summary>A handler came back after its deadline. Any thread.</summary>
    public void CountLateResult() => Interlocked.Increment(ref _lateResults);

    /// <summary>An abandoned thread has come back. Any thread.</summary>
    public void ThreadReturned()
    {
        Interlocked.Decrement(ref _abandonedNow);
        CountLateResult();
    }

    public void Dispose()
    {
        _stop = true;
        Wake();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        // The event itself is left to the finalizer: an owner thread that is late may still be about to set it.
    }

    private void Run()
    {
        var refusal = NativeThreads.MakeRealTime(_priority, roundRobin: true);
        _isRealTime = refusal is null;
        if (refusal is null)
        {
            _log.WatchdogIsRealTime();
        }
        else
        {
            _log.WatchdogIsNotRealTime(refusal);
        }

        _pauses = GC.GetTotalPauseDuration();
        var quietSince = _time.GetTimestamp();
        while (!_stop)
        {
            var now = _time.GetTimestamp();
            if (CheckAll(now))
            {
                quietSince = now;
            }

            ReplaceTaken();
            MeasurePause();
            if (_taken.Count > 0 || _time.GetElapsedTime(quietSince, now) < Quiet)
            {
                _wake.WaitOne(Period);
            }
            else
            {
                Sleep();
                quietSince = _time.GetTimestamp();
            }
        }
    }

    private void MeasurePause()
    {
        var collections = GC.CollectionCount(0);
        if (collections == _collections)
        {
            return;
        }

        _collections = collections;
        var pauses = GC.GetTotalPauseDuration();
        Interlocked.Exchange(ref _maxPause, Math.Max(_maxPause, (pauses - _pauses).Ticks));
        _pauses = pauses;
    }

    private bool CheckAll(long now)
    {
        var isBusy = false;
        foreach (var watch in Volatile.Read(ref _watches))
        {
            try
            {
                if (watch.Check(now, out var busy))
                {
                    _taken.Add(watch);
                }

                isBusy |= busy;
            }
            catch (Exception exception)
            {
                // All other VMs depend on this thread. One line is enough: the cause will not go away.
                isBusy = true;
                if (!_failing)
                {
                    _failing = true;
                    _log.WatchdogFailed(exception);
                }
            }
        }

        return isBusy;
    }

    /// <summary>Starts the threads after every answer of this round has left.</summary>
    private void ReplaceTaken()
    {
        for (var i = _taken.Count - 1; i >= 0; i--)
        {
            var watch = _taken[i];
            var giveUp = IsFull;
            Interlocked.Increment(ref _abandonedNow);
            Interlocked.Increment(ref _abandoned);
            try
            {
                watch.Vm.Replace(giveUp);
            }
            catch (Exception exception)
            {
                Interlocked.Decrement(ref _abandonedNow);
                Interlocked.Decrement(ref _abandoned);

                // No memory or too many threads: it is tried again, and the VM waits.
                if (!_failing)
                {
                    _failing = true;
                    _log.WatchdogFailed(exception);
                }

                continue;
            }

            _taken.RemoveAt(i);
        }
    }

    /// <summary>
    /// Waits for the next event. Whoever begins one stores that first and then looks whether we sleep; the barrier makes every
    /// processor's store visible that was made before its look.
    /// </summary>
    private void Sleep()
    {
        _asleep = true;
        Interlocked.MemoryBarrierProcessWide();
        if (!_stop && Array.TrueForAll(Volatile.Read(ref _watches), watch => !watch.IsBusy))
        {
            _wake.WaitOne();
        }

        _asleep = false;
    }
}
