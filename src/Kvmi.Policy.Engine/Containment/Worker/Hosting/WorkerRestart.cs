namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>
/// Starts the next worker of a lane in the background, later after each death; a worker that lived for long begins the count
/// anew. <see cref="Begin"/> and <see cref="TryTake"/> are for the lane's thread.
/// </summary>
internal sealed class WorkerRestart : IDisposable
{
    private readonly WorkerPool _pool;
    private readonly Lock _gate = new();
    private ITimer? _timer;
    private WorkerProcess? _ready;
    private string? _problem;
    private long _lastStart;
    private int _deaths;
    private bool _disposed;

    public WorkerRestart(WorkerPool pool)
    {
        _pool = pool;
        _lastStart = pool.Time.GetTimestamp();
    }

    /// <summary>Workers that were taken from here.</summary>
    public int Count { get; private set; }

    /// <summary>Starts a worker after the wait that is due.</summary>
    /// <returns>The wait.</returns>
    public TimeSpan Begin()
    {
        lock (_gate)
        {
            if (_pool.Time.GetElapsedTime(_lastStart) > 2 * _pool.Settings.LastRestart)
            {
                _deaths = 0;
            }

            return Schedule();
        }
    }

    /// <summary>The next worker when it is ready.</summary>
    /// <param name="problem">Why the last attempt failed, once for each; the next one is under way.</param>
    public WorkerProcess? TryTake(out string? problem)
    {
        lock (_gate)
        {
            problem = _problem;
            _problem = null;
            var ready = _ready;
            if (ready is not null)
            {
                _ready = null;
                _lastStart = _pool.Time.GetTimestamp();
                Count++;
            }

            return ready;
        }
    }

    public void Dispose()
    {
        WorkerProcess? ready;
        lock (_gate)
        {
            _disposed = true;
            _timer?.Dispose();
            ready = _ready;
            _ready = null;
        }

        if (ready is not null)
        {
            _pool.End(ready);
        }
    }

    private TimeSpan Schedule()
    {
        var settings = _pool.Settings;
        var wait = settings.FirstRestart * Math.Pow(2, Math.Min(_deaths++, 20));
        wait = wait < settings.LastRestart ? wait : settings.LastRestart;
        _timer?.Dispose();
        _timer = _disposed ? null : _pool.Time.CreateTimer(_ => Start(), null, wait, Timeout.InfiniteTimeSpan);
        return wait;
    }

    private void Start()
    {
        WorkerProcess? process = null;
        string? problem = null;
        try
        {
            process = _pool.Start(_pool.Settings.StartLimit, out _);
        }
        catch (WorkerStartException exception)
        {
            problem = exception.Message;
        }

        lock (_gate)
        {
            if (problem is not null)
            {
                _problem = problem;
                Schedule();
                return;
            }

            if (!_disposed)
            {
                _ready = process;
                return;
            }
        }

        _pool.End(process!);
    }
}
