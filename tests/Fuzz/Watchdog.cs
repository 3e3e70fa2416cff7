namespace Kvmi.Fuzz;

/// <summary>Tells when a run no longer moves: a decoder hangs.</summary>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly IFuzzRun _run;
    private readonly Action<long> _onHang;
    private readonly ITimer _timer;
    private long _last = -1;

    /// <summary>Watches.</summary>
    /// <param name="run">What is watched.</param>
    /// <param name="time">Its clock.</param>
    /// <param name="onHang">Gets the number of the message; on a thread of the clock.</param>
    public Watchdog(IFuzzRun run, TimeProvider time, Action<long> onHang)
    {
        _run = run;
        _onHang = onHang;
        _timer = time.CreateTimer(_ => Look(), null, Patience, Patience);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var position = _run.Position;
        if (Interlocked.Exchange(ref _last, position) == position)
        {
            _onHang(position);
        }
    }
}
