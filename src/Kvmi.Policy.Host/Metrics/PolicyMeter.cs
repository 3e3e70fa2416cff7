using System.Diagnostics.Metrics;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Control;

namespace Kvmi.Policy.Host.Metrics;

/// <summary>
/// The meter "Kvmi.Policy" for OTLP and for dotnet-counters. Its instruments are observable: they read when somebody collects, and cost
/// nothing otherwise. There is no observable histogram, so times are quantiles: median, 99th percentile and maximum.
/// </summary>
internal sealed class PolicyMeter : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "Kvmi.Policy";

    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(500);
    private readonly Meter _meter = new(Name, Program.Version);
    private readonly Lock _lock = new();
    private readonly MetricCatalogue _catalogue;
    private readonly TimeProvider _time;
    private HostReading? _reading;
    private long _readAt;

    public PolicyMeter(HostView host)
    {
        _catalogue = new MetricCatalogue(host);
        _time = host.Time;
        foreach (var family in MetricCatalogue.Families)
        {
            Add(family);
        }
    }

    public void Dispose() => _meter.Dispose();

    private void Add(MetricFamily family)
    {
        switch (family.Kind)
        {
            case MetricKind.Counter:
                _meter.CreateObservableCounter(
                    family.Name[..^"_total".Length], () => family.Read(Read()).Select(sample => Of(family, sample.Value, sample.Labels)), family.Unit, family.Help);
                break;
            case MetricKind.Gauge:
                _meter.CreateObservableGauge(
                    family.Name, () => family.Read(Read()).Select(sample => Of(family, sample.Value, sample.Labels)), family.Unit, family.Help);
                break;
            default:
                _meter.CreateObservableGauge(family.Name, () => family.Read(Read()).SelectMany(sample => Quantiles(family, sample)), family.Unit, family.Help);
                break;
        }
    }

    private static IEnumerable<Measurement<double>> Quantiles(MetricFamily family, MetricSample sample)
    {
        LatencyHistogram times = sample.Times!;
        yield return Of(family, times.Quantile(0.5) / 1e9, sample.Labels, "0.5");
        yield return Of(family, times.Quantile(0.99) / 1e9, sample.Labels, "0.99");
        yield return Of(family, times.Max / 1e9, sample.Labels, "1");
    }

    private static Measurement<double> Of(MetricFamily family, double value, string[] labels, string? quantile = null)
    {
        var tags = family.Labels.Zip(labels, (name, text) => new KeyValuePair<string, object?>(name, text));
        return new Measurement<double>(value, quantile is null ? tags : tags.Append(new("quantile", quantile)));
    }

    /// <summary>The instruments of one collection share a look at the host.</summary>
    private HostReading Read()
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            if (_reading is null || _time.GetElapsedTime(_readAt, now) > Fresh)
            {
                _reading = _catalogue.Read();
                _readAt = now;
            }

            return _reading;
        }
    }
}
