namespace Kvmi.Simulator.Tests;

/// <summary>The system's time with another date.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    /// <summary>How far the date is ahead.</summary>
    public TimeSpan Shift { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;
}
