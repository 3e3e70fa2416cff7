using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>Counts the calls of one policy instance against its rate. For the VM's owner thread; allocates nothing.</summary>
internal sealed class RateLimit
{
    /// <summary>Above the limit one event of this many is shown to a policy that samples. Counted, not drawn: a replay gives the same.</summary>
    public const int SampleStride = 100;

    // A guest that keeps the policy above its limit gets one alert in this time.
    private static readonly TimeSpan ReportPeriod = TimeSpan.FromMinutes(1);

    private readonly TimeProvider _time;
    private long _windowStart;
    private long _count;
    private long _lastReport;
    private bool _reported;

    public RateLimit(PolicyRate rate, TimeProvider time)
    {
        Rate = rate;
        _time = time;
    }

    public PolicyRate Rate { get; }

    /// <summary>True when the last counted call is above the limit.</summary>
    public bool IsOver { get; private set; }

    /// <summary>True when what the current call says is not to be written.</summary>
    public bool DropsNotices => IsOver && Rate.OnExceed == PolicyRateAction.DropAlert;

    /// <summary>Calls above the limit since the last report.</summary>
    public long OverSinceReport { get; private set; }

    /// <summary>Counts a call.</summary>
    /// <param name="now">Timestamp of the event.</param>
    /// <returns>False when the handler is not to be called.</returns>
    public bool Admit(long now)
    {
        if (_count == 0 || _time.GetElapsedTime(_windowStart, now) >= Rate.Window)
        {
            _windowStart = now;
            _count = 0;
        }

        _count++;
        IsOver = _count > Rate.Limit;
        if (!IsOver)
        {
            return true;
        }

        OverSinceReport++;
        return Rate.OnExceed != PolicyRateAction.Sample || (_count - Rate.Limit) % SampleStride == 0;
    }

    /// <summary>True when an excess is to be told now.</summary>
    public bool IsReportDue(long now) => !_reported || _time.GetElapsedTime(_lastReport, now) >= ReportPeriod;

    /// <summary>It was told.</summary>
    public void Reported(long now)
    {
        _reported = true;
        _lastReport = now;
        OverSinceReport = 0;
    }
}
