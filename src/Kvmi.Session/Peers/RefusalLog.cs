using Microsoft.Extensions.Logging;

namespace Kvmi.Session.Peers;

/// <summary>
/// Logs why peers are refused, but not each of thousands: whoever may connect must not be able to fill the disk of the log. Any thread.
/// </summary>
internal sealed class RefusalLog
{
    /// <summary>Refusals that are logged one by one in each <see cref="Window"/>; the others are counted.</summary>
    public const int PerWindow = 60;

    /// <summary>See <see cref="PerWindow"/>.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private long _since;
    private long _count;

    /// <summary>Makes a log of refusals.</summary>
    /// <param name="log">Where to.</param>
    /// <param name="time">Clock of the window.</param>
    public RefusalLog(ILogger log, TimeProvider time)
    {
        _log = log;
        _time = time;
        _since = time.GetTimestamp();
    }

    /// <summary>A peer is refused.</summary>
    public void Refused(string peer, string reason)
    {
        lock (_lock)
        {
            if (_time.GetElapsedTime(_since) >= Window)
            {
                TellRest();
                _since = _time.GetTimestamp();
                _count = 0;
            }

            if (++_count > PerWindow)
            {
                return;
            }
        }

        _log.PeerRefused(peer, reason);
    }

    /// <summary>Logs what was counted and not logged: at the end.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            TellRest();
            _count = 0;
        }
    }

    private void TellRest()
    {
        if (_count > PerWindow)
        {
            _log.PeersRefused(_count - PerWindow);
        }
    }
}
