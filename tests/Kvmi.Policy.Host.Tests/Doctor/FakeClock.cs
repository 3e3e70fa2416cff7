namespace Kvmi.Policy.Host.Tests.Doctor;

/// <summary>A clock that moves by itself at each reading.</summary>
/// <param name="step">Monotonic nanoseconds by reading number.</param>
/// <param name="wallJump">How far the wall clock jumps at its second reading.</param>
internal sealed class FakeClock(Func<int, long> step, TimeSpan wallJump = default) : TimeProvider
{
    private int _readings;
    private long _now;
    private int _wallReadings;

    public override long TimestampFrequency => 1_000_000_000;

    public override long GetTimestamp() => _now += step(_readings++);

    public override DateTimeOffset GetUtcNow() =>
        DateTimeOffset.UnixEpoch + TimeSpan.FromMicroseconds(_now / 1000) + (_wallReadings++ == 0 ? TimeSpan.Zero : wallJump);
}
