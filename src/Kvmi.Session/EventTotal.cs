namespace Kvmi.Session;

/// <summary>Events answered on all VMs together. Counting costs one interlocked addition and one comparison.</summary>
internal sealed class EventTotal
{
    private readonly Lock _lock = new();
    private readonly List<(long Target, TaskCompletionSource Source)> _waiters = [];
    private long _count;
    private long _nearest = long.MaxValue;

    public long Count => Volatile.Read(ref _count);

    public void Add()
    {
        if (Interlocked.Increment(ref _count) >= Volatile.Read(ref _nearest))
        {
            CompleteReached();
        }
    }

    /// <summary>Completes when <paramref name="target"/> events were answered since the server was made.</summary>
    public Task WaitAsync(long target, CancellationToken cancellation)
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _waiters.Add((target, source));
            Interlocked.Exchange(ref _nearest, _waiters.Min(waiter => waiter.Target));
        }

        // Counted after the target was published, so an addition in between is seen by one of both.
        CompleteReached();
        return source.Task.WaitAsync(cancellation);
    }

    private void CompleteReached()
    {
        lock (_lock)
        {
            var count = Count;
            for (var i = _waiters.Count - 1; i >= 0; i--)
            {
                if (_waiters[i].Target <= count)
                {
                    _waiters[i].Source.TrySetResult();
                    _waiters.RemoveAt(i);
                }
            }

            Interlocked.Exchange(ref _nearest, _waiters.Count == 0 ? long.MaxValue : _waiters.Min(waiter => waiter.Target));
        }
    }
}
