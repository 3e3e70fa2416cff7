namespace Kvmi.Policy.Engine.Tests.Soak;

/// <summary>The system's clock, from which stretches are left out: a day passes in minutes, while a deadline of 100 ms stays one.</summary>
internal sealed class SkippingTime : TimeProvider
{
    private long _skipped;

    /// <summary>What was left out so far.</summary>
    public TimeSpan Skipped => TimeSpan.FromTicks(Volatile.Read(ref _skipped));

    public override long TimestampFrequency => System.TimestampFrequency;

    /// <summary>Lets time pass at once. Timers are not moved: they measure what somebody really waits.</summary>
    public void Skip(TimeSpan time) => Interlocked.Add(ref _skipped, time.Ticks);

    public override long GetTimestamp() => System.GetTimestamp() + (long)(Skipped.TotalSeconds * System.TimestampFrequency);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Skipped;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        System.CreateTimer(callback, state, dueTime, period);
}
