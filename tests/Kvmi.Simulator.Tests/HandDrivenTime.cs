namespace Kvmi.Simulator.Tests;

/// <summary>A clock that stands still: a timer fires when the test says so, whatever its time.</summary>
internal sealed class HandDrivenTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Timer> _armed = [];

    /// <summary>Times of the timers that are armed now.</summary>
    public TimeSpan[] Armed
    {
        get
        {
            lock (_gate)
            {
                return [.. _armed.Select(timer => timer.DueTime)];
            }
        }
    }

    /// <summary>Waits until a timer is armed, and fires it.</summary>
    public void FireNext()
    {
        Assert.True(SpinWait.SpinUntil(() => Armed.Length > 0, RawTool.GiveUpMilliseconds), "No timer was armed.");
        Timer timer;
        lock (_gate)
        {
            timer = _armed[0];
            _armed.RemoveAt(0);
        }

        timer.Fire();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(HandDrivenTime time, Action fire) : ITimer
    {
        public TimeSpan DueTime { get; private set; }

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._gate)
            {
                time._armed.Remove(this);
                DueTime = dueTime;
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    time._armed.Add(this);
                }
            }

            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
