namespace Kvmi.Policy.Testing.Rig;

/// <summary>A clock that stands still until the test moves it. One thread at a time moves it; any thread reads it.</summary>
public sealed class ManualClock : TimeProvider
{
    private long _ticks;

    /// <summary>Makes a clock.</summary>
    /// <param name="start">First time; null takes 1 January 2026.</param>
    public ManualClock(DateTimeOffset? start = null) => _ticks = (start ?? new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)).UtcTicks;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>Moves the clock forward.</summary>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        Interlocked.Add(ref _ticks, by.Ticks);
    }

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => new(Volatile.Read(ref _ticks), TimeSpan.Zero);

    /// <inheritdoc/>
    public override long GetTimestamp() => Volatile.Read(ref _ticks);
}
