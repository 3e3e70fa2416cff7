namespace Kvmi.Session.Vm;

/// <summary>Counters that the owner thread writes (or the watchdog, while it holds the connection) and any thread reads; a reader may see them a few events apart.</summary>
internal sealed class VmStatistics
{
    private long _events;
    private long _replies;
    private long _notifications;
    private long _commands;
    private long _commandErrors;
    private long _handlerErrors;
    private long _protocolErrors;
    private long _timeouts;
    private long _lateResults;
    private long _allocated;

    public void Event() => Add(ref _events);

    public void Reply() => Add(ref _replies);

    public void Notification() => Add(ref _notifications);

    public void Command() => Add(ref _commands);

    public void CommandError() => Add(ref _commandErrors);

    public void HandlerError() => Add(ref _handlerErrors);

    public void ProtocolError() => Add(ref _protocolErrors);

    public void Timeout() => Add(ref _timeouts);

    public void LateResult() => Add(ref _lateResults);

    public void Allocated(long bytes) => Volatile.Write(ref _allocated, _allocated + bytes);

    public VmCounters Snapshot(long received, long sent) => new(
        Volatile.Read(ref _events),
        Volatile.Read(ref _replies),
        Volatile.Read(ref _notifications),
        Volatile.Read(ref _commands),
        Volatile.Read(ref _commandErrors),
        Volatile.Read(ref _handlerErrors),
        Volatile.Read(ref _protocolErrors),
        received,
        sent)
    {
        Timeouts = Volatile.Read(ref _timeouts),
        LateResults = Volatile.Read(ref _lateResults),
        AllocatedBytes = Volatile.Read(ref _allocated),
    };

    // One writer at a time: an ordinary addition is enough, no interlocked one.
    private static void Add(ref long counter) => Volatile.Write(ref counter, counter + 1);
}
