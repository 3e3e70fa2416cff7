namespace Kvmi.Policy.Testing.Traces.Editing;

/// <summary>Which events of a trace are meant; both bounds belong to it, and an event has to be inside both ranges.</summary>
/// <param name="FirstEvent">Number of the first event.</param>
/// <param name="LastEvent">Number of the last event.</param>
/// <param name="FirstTime">Least time in nanoseconds since the trace began.</param>
/// <param name="LastTime">Greatest time.</param>
public readonly record struct TraceRange(
    long FirstEvent = 1, long LastEvent = long.MaxValue, long FirstTime = long.MinValue, long LastTime = long.MaxValue)
{
    /// <summary>True when an event lies in it.</summary>
    public bool Contains(long number, long time) => number >= FirstEvent && number <= LastEvent && time >= FirstTime && time <= LastTime;
}
