namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The engine's clock as policies of one VM see it.</summary>
internal sealed class PolicyClock : IPolicyClock
{
    private readonly TimeProvider _time;
    private readonly long _attached;

    public PolicyClock(TimeProvider time)
    {
        _time = time;
        _attached = time.GetTimestamp();
    }

    public DateTimeOffset UtcNow => _time.GetUtcNow();

    public TimeSpan SinceAttach => _time.GetElapsedTime(_attached);
}
