using System.Globalization;
using System.Text;

namespace Kvmi.Policy.Host.Metrics;

/// <summary>
/// Prometheus' text exposition format 0.0.4. Samples of one metric with the same labels are added up, since a page with a series twice is
/// refused as a whole.
/// </summary>
internal sealed class PrometheusText
{
    // 1, 2.5 and 5 of each decade from a microsecond to a second, then 10 s: what policies and slow hypervisors take.
    private static readonly long[] Bounds =
    [
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
        100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 10_000_000_000,
    ];

    private readonly StringBuilder _text = new(16 * 1024);

    /// <summary>Adds a metric.</summary>
    public void Add(MetricFamily family, HostReading reading)
    {
        _text.Append("# HELP ").Append(family.Name).Append(' ').Append(family.Help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal))
            .Append('\n');
        _text.Append("# TYPE ").Append(family.Name).Append(' ').Append(family.Kind.ToString().ToLowerInvariant()).Append('\n');
        foreach (var series in family.Read(reading).GroupBy(sample => LabelText(family.Labels, sample.Labels), StringComparer.Ordinal))
        {
            if (family.Kind == MetricKind.Histogram)
            {
                AddHistogram(family.Name, series.Key, series);
            }
            else
            {
                Line(family.Name, series.Key, series.Sum(sample => sample.Value));
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    private static string LabelText(string[] names, string[] values) =>
        string.Join(',', names.Zip(values, (name, value) => $"{name}=\"{Escape(value)}\""));

    /// <summary>Backslash, quote and line feed, as the format asks; what is no character becomes U+FFFD when it is encoded.</summary>
    private static string Escape(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal);

    private void AddHistogram(string name, string labels, IEnumerable<MetricSample> samples)
    {
        var total = 0L;
        var sum = 0.0;
        Span<long> counts = stackalloc long[Bounds.Length];
        Span<long> all = stackalloc long[Bounds.Length];
        all.Clear();
        foreach (var sample in samples)
        {
            var (count, nanoseconds) = sample.Times!.Accumulate(Bounds, counts);
            total += count;
            sum += nanoseconds;
            for (var i = 0; i < counts.Length; i++)
            {
                all[i] += counts[i];
            }
        }

        var separator = labels.Length == 0 ? "" : ",";
        for (var i = 0; i < Bounds.Length; i++)
        {
            Line($"{name}_bucket", string.Create(CultureInfo.InvariantCulture, $"{labels}{separator}le=\"{Bounds[i] / 1e9:0.#########}\""), all[i]);
        }

        Line($"{name}_bucket", $"{labels}{separator}le=\"+Inf\"", total);
        Line($"{name}_sum", labels, sum / 1e9);
        Line($"{name}_count", labels, total);
    }

    private void Line(string name, string labels, double value)
    {
        _text.Append(name);
        if (labels.Length > 0)
        {
            _text.Append('{').Append(labels).Append('}');
        }

        _text.Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
    }
}
