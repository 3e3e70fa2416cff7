using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>The errors of one policy instance: how many in the window, and which of them are reported.</summary>
internal sealed class ErrorWindow
{
    private const int MaxTracked = 1024;
    private const int ReportsPerPeriod = 5;
    private static readonly TimeSpan ReportPeriod = TimeSpan.FromSeconds(10);
    private readonly TimeProvider _time;
    private readonly TimeSpan _window;
    private readonly long[] _stamps;
    private int _next;
    private long _total;
    private long _periodStart;
    private int _reported;
    private long _silenced;

    public ErrorWindow(PolicyErrorHandling handling, TimeProvider time)
    {
        _time = time;
        _window = handling.Window;
        _stamps = new long[Math.Clamp(handling.QuarantineAfter, 0, MaxTracked)];
    }

    /// <summary>Adds an error.</summary>
    /// <param name="silencedBefore">Errors that were not reported since the last report; for the message.</param>
    /// <param name="report">True when this error shall be reported: a few per period, so that a failing handler does not flood the
    /// output.</param>
    /// <returns>True when the policy has reached its limit.</returns>
    public bool Add(out bool report, out long silencedBefore)
    {
        var now = _time.GetTimestamp();
        if (_total == 0 || _time.GetElapsedTime(_periodStart, now) >= ReportPeriod)
        {
            _periodStart = now;
            _reported = 0;
        }

        _total++;
        report = _reported < ReportsPerPeriod;
        silencedBefore = _silenced;
        _silenced = report ? 0 : _silenced + 1;
        _reported += report ? 1 : 0;
        if (_stamps.Length == 0)
        {
            return false;
        }

        // The slot that is overwritten next holds the oldest of the last n errors.
        _stamps[_next] = now;
        _next = (_next + 1) % _stamps.Length;
        return _total >= _stamps.Length && _time.GetElapsedTime(_stamps[_next], now) <= _window;
    }
}
