namespace Kvmi.Simulator.Tests;

/// <summary>The system's time, which counts the pauses between two looks of the runner whether the tool is ready.</summary>
internal sealed class PollCountingTime : TimeProvider
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);
    private int _polls;

    public int Polls => Volatile.Read(ref _polls);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime == Poll)
        {
            Interlocked.Increment(ref _polls);
        }

        return base.CreateTimer(callback, state, dueTime, period);
    }
}
