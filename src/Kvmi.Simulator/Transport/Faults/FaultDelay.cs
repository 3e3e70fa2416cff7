namespace Kvmi.Simulator.Transport.Faults;

/// <summary>A wait on a thread that can be cut short from another one; the time is that of the time provider.</summary>
internal sealed class FaultDelay(TimeProvider timeProvider)
{
    // A monitor and not a Lock: threads wait on it.
    private readonly object _gate = new();
    private bool _released;

    /// <summary>Waits; returns at once when released.</summary>
    public void Wait(TimeSpan time)
    {
        if (time <= TimeSpan.Zero)
        {
            return;
        }

        var over = false;
        using var timer = timeProvider.CreateTimer(
            _ =>
            {
                lock (_gate)
                {
                    over = true;
                    Monitor.PulseAll(_gate);
                }
            },
            null,
            time,
            Timeout.InfiniteTimeSpan);
        lock (_gate)
        {
            while (!over && !_released)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Ends this wait and all later ones. Any thread.</summary>
    public void Release()
    {
        lock (_gate)
        {
            _released = true;
            Monitor.PulseAll(_gate);
        }
    }
}
