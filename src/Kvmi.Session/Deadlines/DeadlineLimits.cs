namespace Kvmi.Session.Deadlines;

/// <summary>How long handlers may take.</summary>
/// <param name="Event">One event, from its delivery to its answer.</param>
/// <param name="Call">One call of another member.</param>
/// <param name="Threads">Abandoned threads that may be alive at once.</param>
internal sealed record DeadlineLimits(TimeSpan Event, TimeSpan Call, int Threads);
