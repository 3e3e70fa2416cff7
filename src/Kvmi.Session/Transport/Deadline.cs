namespace Kvmi.Session.Transport;

/// <summary>A point in monotonic time.</summary>
internal readonly struct Deadline
{
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly TimeSpan _limit;

    public Deadline(TimeProvider time, TimeSpan limit)
    {
        _time = time;
        _start = time.GetTimestamp();
        _limit = limit;
    }

    /// <summary>True when the limit has passed.</summary>
    public bool IsOver => _time.GetElapsedTime(_start) >= _limit;
}
