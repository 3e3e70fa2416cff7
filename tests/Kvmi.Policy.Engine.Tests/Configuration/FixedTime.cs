namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>A clock that stands still.</summary>
internal sealed class FixedTime : TimeProvider
{
    private readonly DateTimeOffset _now;

    public FixedTime(int year, int month, int day) => _now = new DateTimeOffset(year, month, day, 12, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;
}
