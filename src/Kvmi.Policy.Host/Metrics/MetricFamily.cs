namespace Kvmi.Policy.Host.Metrics;

/// <summary>A metric: its name as Prometheus has it, what it means, and how it is read.</summary>
/// <param name="Name">Name with unit, and _total for counters.</param>
/// <param name="Kind">Kind.</param>
/// <param name="Unit">Unit as UCUM writes it: s, {event}.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Labels">Names of the labels.</param>
/// <param name="Read">Reads the values from one look at the host.</param>
internal sealed record MetricFamily(
    string Name, MetricKind Kind, string Unit, string Help, string[] Labels, Func<HostReading, IEnumerable<MetricSample>> Read);
