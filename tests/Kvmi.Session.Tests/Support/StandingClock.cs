namespace Kvmi.Session.Tests.Support;

/// <summary>A clock by which no time passes: what depends on the speed of the machine elsewhere is always in time.</summary>
internal sealed class StandingClock : TimeProvider
{
    public override long GetTimestamp() => 1;
}
