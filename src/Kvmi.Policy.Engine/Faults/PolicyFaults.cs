using Kvmi.Session.Faults;

namespace Kvmi.Policy.Engine.Faults;

/// <summary>Faults of policies and of the engine's surroundings that are injected on purpose. What is null does not happen.</summary>
public sealed record PolicyFaults
{
    /// <summary>
    /// A handler does not come back: its event is answered at the deadline and its thread is given up, as for code that hangs. The thread ends
    /// by itself when that has happened. Opportunity: a call of a handler on a VM with a session; elsewhere no deadline would end it.
    /// </summary>
    public FaultInjection? Timeout { get; init; }

    /// <summary>A handler throws. Opportunity: a call of a handler.</summary>
    public FaultInjection? Exception { get; init; }

    /// <summary>A handler throws <see cref="OutOfMemoryException"/>, as the runtime does at its heap limit. Opportunity: a call of a handler.</summary>
    public FaultInjection? OutOfMemory { get; init; }

    /// <summary>
    /// A blocking, compacting collection of the whole heap on the event's own thread: it stops every thread, the watchdog included. Opportunity: an
    /// event.
    /// </summary>
    public FaultInjection? GarbageCollection { get; init; }

    /// <summary>The output has no room for a line, which is lost and counted. Opportunity: a line of output.</summary>
    public FaultInjection? FullQueue { get; init; }
}
