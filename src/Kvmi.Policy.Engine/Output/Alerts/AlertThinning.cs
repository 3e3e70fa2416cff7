namespace Kvmi.Policy.Engine.Output.Alerts;

/// <summary>
/// Lets alerts pass or keeps them back, as their policies say, and reports what was kept back when its window ends. Runs on the output
/// thread alone, so that no vCPU waits for it.
/// </summary>
internal sealed class AlertThinning
{
    private const int LongestText = 64;
    private const int MostBytes = 32;

    private readonly PriorityQueue<AlertWindow, long> _open = new();
    private readonly TimeProvider _time;
    private readonly Action<OutputRecord> _send;

    public AlertThinning(TimeProvider time, Action<OutputRecord> send)
    {
        _time = time;
        _send = send;
    }

    /// <summary>When the next window ends that has something to report, as a timestamp; null for never.</summary>
    public long? NextEnd => _open.TryPeek(out _, out var end) ? end : null;

    /// <summary>Takes an alert.</summary>
    /// <param name="notice">The alert.</param>
    /// <param name="source">Its policy.</param>
    /// <param name="timestamp">When it was raised.</param>
    public void Take(NoticeOutput notice, AlertSource source, long timestamp)
    {
        // What was kept back before this alert is told before it.
        Close(timestamp);
        var window = source.Settings.IsThinning ? source.Windows.Take(source.Settings, notice, timestamp, _time.TimestampFrequency) : null;
        source.Statistics.CountAlert(suppressed: window is not null);
        if (window is null)
        {
            _send(source.Settings.FixedFields is { Count: > 0 } added ? notice with { Fields = [.. notice.Fields, .. Missing(notice, added)] } : notice);
            return;
        }

        if (window.Suppressed++ == 0)
        {
            window.Report ??= Report(notice, source, window);
            _open.Enqueue(window, window.End);
        }
    }

    /// <summary>Reports the windows that have ended.</summary>
    /// <param name="now">The time.</param>
    public void Close(long now)
    {
        while (_open.TryPeek(out var window, out var end) && end <= now)
        {
            _open.Dequeue();
            Send(window, window.End);
        }
    }

    /// <summary>Reports all windows as far as they are. They stay open.</summary>
    public void CloseAll()
    {
        var now = _time.GetTimestamp();
        while (_open.TryDequeue(out var window, out _))
        {
            Send(window, Math.Min(now, window.End));
        }
    }

    // A policy's own field of that name is stronger.
    private static IEnumerable<OutputField> Missing(NoticeOutput notice, IReadOnlyList<OutputField> added) =>
        added.Where(field => AlertWindows.FieldOf(notice.Fields, field.Name).Value is null);

    private static SuppressedAlertsOutput Report(NoticeOutput notice, AlertSource source, AlertWindow window) => new()
    {
        Time = notice.Time,
        Vm = notice.Vm,
        Policy = notice.Policy,
        Name = window.IsThrottle && source.Windows.IsShared(window) ? AlertWindows.OtherNames : notice.Name,
        Severity = notice.Severity,
        Mode = notice.Mode,
        Count = 1,
        Window = TimeSpan.Zero,
        IsThrottle = window.IsThrottle,
        Fields = window.IsThrottle ? [] : [.. source.Settings.DedupeBy.Select(name => Short(AlertWindows.FieldOf(notice.Fields, name)))],
    };

    // Thousands of reports may wait for their windows to end.
    private static OutputField Short(OutputField field) => field.Value switch
    {
        string { Length: > LongestText } text => field with { Value = text[..LongestText] },
        byte[] { Length: > MostBytes } bytes => field with { Value = bytes[..MostBytes] },
        _ => field,
    };

    private void Send(AlertWindow window, long end)
    {
        _send(window.Report! with
        {
            Time = _time.GetUtcNow(),
            Count = window.Suppressed,
            Window = _time.GetElapsedTime(window.Start, end),
        });
        window.Suppressed = 0;
    }
}
