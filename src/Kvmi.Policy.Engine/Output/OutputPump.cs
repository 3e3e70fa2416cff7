using Kvmi.Policy.Engine.Output.Alerts;
using Kvmi.Session.Faults;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Engine.Output;

/// <summary>The engine's output: a ring that any thread writes to without waiting, and the one thread that empties it into the
/// sink.</summary>
internal sealed class OutputPump : IDisposable
{
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly IOutputSink _sink;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly FaultInjection? _full;
    private readonly OutputRing _ring;
    private readonly AlertThinning _thinning;
    private readonly ITimer _windowEnd;
    private readonly Thread _thread;
    private readonly AutoResetEvent _wake = new(false);
    private readonly object _drained = new();
    private int _sleeping;
    private bool _stop;
    private long _reportedLost;
    private long _written;
    private long _closesAsked;
    private long _closesDone;

    public OutputPump(IOutputSink sink, TimeProvider time, int capacity, ILogger logger, FaultInjection? full = null)
    {
        _sink = sink;
        _time = time;
        _logger = logger;
        _full = full;
        _ring = new OutputRing(capacity);
        _thinning = new AlertThinning(time, Send);
        _windowEnd = time.CreateTimer(static pump => ((OutputPump)pump!)._wake.Set(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _thread = new Thread(Run) { IsBackground = true, Name = "policy output" };
        _thread.Start();
    }

    /// <summary>Lines that found the ring full.</summary>
    public long Lost => _ring.Lost;

    /// <summary>Lines that wait for the sink.</summary>
    public long Waiting => Math.Max(0, _ring.Claimed - _ring.Taken);

    /// <summary>Claims a slot; null when the line is lost. Fill it, then call <see cref="Publish"/>.</summary>
    public OutputSlot? TryClaim(out long ticket)
    {
        if (_full is null || !_full.Strikes())
        {
            return _ring.TryClaim(out ticket);
        }

        ticket = 0;
        _ring.Refuse();
        Wake();
        return null;
    }

    public void Publish(OutputSlot slot, long ticket)
    {
        OutputRing.Publish(slot, ticket);
        Wake();
    }

    /// <summary>Queues a finished record; false when the ring was full.</summary>
    public bool Write(OutputRecord record)
    {
        var slot = TryClaim(out var ticket);
        if (slot is null)
        {
            Wake();
            return false;
        }

        slot.Ready = record;
        Publish(slot, ticket);
        return true;
    }

    /// <summary>Queues an alert, about which the output thread then decides; false when the ring was full.</summary>
    public bool Write(NoticeOutput alert, AlertSource source, long timestamp)
    {
        var slot = TryClaim(out var ticket);
        if (slot is null)
        {
            Wake();
            return false;
        }

        slot.Ready = alert;
        slot.Source = source;
        slot.Timestamp = timestamp;
        Publish(slot, ticket);
        return true;
    }

    /// <summary>Returns when everything written before the call has reached the sink, and after it the reports of what was kept back so far.</summary>
    public void CloseWindows()
    {
        if (Thread.CurrentThread == _thread)
        {
            return;
        }

        Flush();
        lock (_drained)
        {
            var goal = ++_closesAsked;
            while (_closesDone < goal && _thread.IsAlive && !Volatile.Read(ref _stop))
            {
                Wake();
                Monitor.Wait(_drained, TimeSpan.FromMilliseconds(50));
            }
        }
    }

    /// <summary>Returns when everything written before the call, and the report of what was lost before it, has reached the sink.</summary>
    public void Flush()
    {
        var goal = _ring.Claimed;
        var lost = _ring.Lost;
        if (Thread.CurrentThread == _thread)
        {
            return;
        }

        lock (_drained)
        {
            while (_written < goal || _reportedLost < lost)
            {
                if (!_thread.IsAlive)
                {
                    return;
                }

                Wake();
                Monitor.Wait(_drained, TimeSpan.FromMilliseconds(50));
            }
        }
    }

    public void Dispose()
    {
        CloseWindows();
        if (Interlocked.Exchange(ref _stop, true))
        {
            return;
        }

        // The event itself is left to the finalizer: a late writer may still be about to set it.
        _wake.Set();
        if (Thread.CurrentThread != _thread)
        {
            _thread.Join();
            _windowEnd.Dispose();
        }
    }

    private void Wake()
    {
        // A full fence between publishing the line and reading the flag; the reader does the opposite order.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _sleeping) != 0 && !Volatile.Read(ref _stop))
        {
            _wake.Set();
        }
    }

    private void Run()
    {
        while (true)
        {
            Drain();
            if (Volatile.Read(ref _stop))
            {
                return;
            }

            Interlocked.Exchange(ref _sleeping, 1);
            if (_ring.Peek() is null && _ring.Lost == _reportedLost && Volatile.Read(ref _closesAsked) == _closesDone && !Volatile.Read(ref _stop))
            {
                ArmWindowEnd();
                _wake.WaitOne();
            }

            Interlocked.Exchange(ref _sleeping, 0);
        }
    }

    private void Drain()
    {
        while (_ring.Peek() is { } slot)
        {
            var record = slot.Ready ?? OutputText.ToDecision(slot);
            var (source, timestamp) = (slot.Source, slot.Timestamp);
            slot.Ready = null;
            slot.Source = null;
            _ring.Release(slot);
            if (source is not null && record is NoticeOutput alert)
            {
                _thinning.Take(alert, source, timestamp);
            }
            else
            {
                Send(record);
            }

            lock (_drained)
            {
                _written = _ring.Taken;
            }
        }

        _thinning.Close(_time.GetTimestamp());
        var closes = Volatile.Read(ref _closesAsked);
        if (closes != _closesDone)
        {
            _thinning.CloseAll();
        }

        var lost = _ring.Lost;
        if (lost != _reportedLost)
        {
            Send(new StatusOutput
            {
                Time = _time.GetUtcNow(),
                Status = "lost-output",
                Message = $"{lost - _reportedLost} lines of output were lost because "
                    + (_full is null ? "the sink was slower than the events" : "there was no room for them, maybe by fault injection")
                    + $"; {lost} since the start.",
                Fields = [new OutputField("lost", lost - _reportedLost), new OutputField("total", lost)],
            });
        }

        lock (_drained)
        {
            _reportedLost = lost;
            _closesDone = closes;
            Monitor.PulseAll(_drained);
        }
    }

    // A thread that sleeps wakes for the end of a window, so that its report does not wait for the next line.
    private void ArmWindowEnd()
    {
        if (_thinning.NextEnd is { } end)
        {
            var rest = _time.GetElapsedTime(_time.GetTimestamp(), end);
            _windowEnd.Change(TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling(rest.TotalMilliseconds), 1, LongestTimer.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        }
    }

    private void Send(OutputRecord record)
    {
        // A sink is the host's code: if it fails, the output thread has to live on, and the log says so.
        try
        {
            _sink.Write(record);
        }
        catch (Exception exception)
        {
            LogMessages.SinkFailed(_logger, record.GetType().Name, exception);
        }
    }
}
