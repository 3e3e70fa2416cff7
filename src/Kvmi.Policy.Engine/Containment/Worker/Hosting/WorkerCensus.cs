namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>How many VMs have a worker, over all generations: so many are warmed for the next one. Thread-safe.</summary>
internal sealed class WorkerCensus
{
    private int _lanes;

    public int Lanes => Volatile.Read(ref _lanes);

    public void Add(int lanes) => Interlocked.Add(ref _lanes, lanes);
}
