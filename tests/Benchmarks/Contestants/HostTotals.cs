namespace Kvmi.Benchmarks.Contestants;

/// <summary>What the product says of itself at the end of a run.</summary>
/// <param name="Events">Events answered.</param>
/// <param name="Alerts">Alerts raised.</param>
/// <param name="OwnerBytes">Managed memory that the owner threads of all VMs allocated while they were attached.</param>
/// <param name="AllocatedBytes">Managed memory that the process allocated, compilation included.</param>
/// <param name="Collections">Garbage collections by generation.</param>
/// <param name="GcPauseMicroseconds">How long they stopped every thread in all.</param>
/// <param name="DecisionP50Nanoseconds">Median time from the event to the decision inside the engine, of the busiest policy.</param>
internal sealed record HostTotals(
    long Events, long Alerts, long OwnerBytes, long AllocatedBytes, IReadOnlyList<int> Collections, long GcPauseMicroseconds, long DecisionP50Nanoseconds)
{
    /// <summary>Events that were answered at their deadline.</summary>
    public long Timeouts { get; init; }
}
