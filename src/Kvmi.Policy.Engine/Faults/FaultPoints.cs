using System.Diagnostics.CodeAnalysis;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Session.Deadlines;

namespace Kvmi.Policy.Engine.Faults;

/// <summary>The places on the way of an event where faults are injected. Null in <see cref="EngineServices"/> when there are none.</summary>
internal sealed class FaultPoints
{
    // A bound for a host that cannot replace the thread: far beyond any time-out, so the call is late anyway.
    private const int LongestHang = 10_000;
    private readonly PolicyFaults _faults;

    public FaultPoints(PolicyFaults faults) => _faults = faults;

    /// <summary>In place of a handler, while the thread is lent to it.</summary>
    /// <exception cref="InjectedFaultException">exception.</exception>
    /// <exception cref="OutOfMemoryException">oom.</exception>
    /// <exception cref="HandlerAbandonedException">timeout, once the thread was given up.</exception>
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "What the runtime would throw is the point.")]
    public void InPlaceOfHandler(ForeignCode foreign)
    {
        if (_faults.Timeout is { } timeout && foreign.IsWatched && timeout.Strikes())
        {
            Hang(foreign);
        }

        if (_faults.Exception is { } exception && exception.Strikes())
        {
            throw new InjectedFaultException("fault injection (exception)");
        }

        if (_faults.OutOfMemory is { } memory && memory.Strikes())
        {
            throw new OutOfMemoryException("fault injection (oom)");
        }
    }

    /// <summary>Before an event is decided.</summary>
    public void BeforeEvent()
    {
        if (_faults.GarbageCollection is { } collection && collection.Strikes())
        {
            // Nowhere else: the product never forces a collection (.banned-symbols.txt). Here its pause is what was asked for.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        }
    }

    /// <summary>Keeps the thread like code that hangs: nothing ends the wait but the loss of the thread, which is asked about each millisecond.</summary>
    private static void Hang(ForeignCode foreign)
    {
        using var never = new ManualResetEventSlim();
        for (var waits = 0; waits < LongestHang; waits++)
        {
            if (foreign.IsLost)
            {
                throw new HandlerAbandonedException();
            }

            never.Wait(1);
        }

        throw new InjectedFaultException("fault injection (timeout), and the thread was not given up");
    }
}
