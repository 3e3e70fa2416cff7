namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>
/// How many VMs have a worker, over all generations: so many are warmed for the next one; and what became of the workers so far. Thread-safe,
/// and never locks: a message costs one interlocked addition.
/// </summary>
internal sealed class WorkerCensus
{
    private int _lanes;
    private long _started;
    private long _failedStarts;
    private long _restarts;
    private long _messages;
    private long _timeouts;
    private long _deaths;
    private long _nonsense;

    public int Lanes => Volatile.Read(ref _lanes);

    public WorkerCounters Counters => new()
    {
        Started = Interlocked.Read(ref _started),
        FailedStarts = Interlocked.Read(ref _failedStarts),
        Restarts = Interlocked.Read(ref _restarts),
        Messages = Interlocked.Read(ref _messages),
        Timeouts = Interlocked.Read(ref _timeouts),
        Deaths = Interlocked.Read(ref _deaths),
        Nonsense = Interlocked.Read(ref _nonsense),
    };

    public void Add(int lanes) => Interlocked.Add(ref _lanes, lanes);

    public void CountStart(bool succeeded) => Interlocked.Increment(ref succeeded ? ref _started : ref _failedStarts);

    public void CountRestart() => Interlocked.Increment(ref _restarts);

    public void CountMessage() => Interlocked.Increment(ref _messages);

    public void CountEnd(WorkerEnd end) =>
        Interlocked.Increment(ref end == WorkerEnd.Late ? ref _timeouts : ref end == WorkerEnd.Dead ? ref _deaths : ref _nonsense);
}
