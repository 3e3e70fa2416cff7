using System.Globalization;

namespace Kvmi.Benchmarks.Figures;

/// <summary>What one round of load measured. Times in nanoseconds.</summary>
internal sealed record Round
{
    public required long Events { get; init; }

    /// <summary>How long the round took.</summary>
    public required long Nanoseconds { get; init; }

    /// <summary>Commands that the tool sent meanwhile.</summary>
    public required long Commands { get; init; }

    public required long P50 { get; init; }

    public required long P99 { get; init; }

    public required long P999 { get; init; }

    public required long Max { get; init; }

    /// <summary>Events by the upper bound of their time.</summary>
    public required IReadOnlyList<(long Upper, long Count)> Buckets { get; init; }

    /// <summary>Processor time that the tool's process used.</summary>
    public long ProcessorNanoseconds { get; init; }

    /// <summary>Events for each second.</summary>
    public double Rate => Events * 1e9 / Nanoseconds;

    /// <summary>Processor time of the tool for each event, in microseconds.</summary>
    public double ProcessorMicroseconds => ProcessorNanoseconds / 1e3 / Math.Max(1, Events);

    /// <summary>Reads the line that the load prints.</summary>
    /// <exception cref="BenchmarkException">The line is another one.</exception>
    public static Round Parse(string line)
    {
        var fields = line.Split(' ').Skip(1).Select(field => field.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[^1]);
        try
        {
            return new Round
            {
                Events = Number("events"),
                Nanoseconds = Number("nanoseconds"),
                Commands = Number("commands"),
                P50 = Number("p50"),
                P99 = Number("p99"),
                P999 = Number("p999"),
                Max = Number("max"),
                Buckets = [.. fields["buckets"].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Bucket)],
            };
        }
        catch (Exception exception) when (exception is KeyNotFoundException or FormatException or OverflowException)
        {
            throw new BenchmarkException($"The load printed a line that is no round: {line}", exception);
        }

        long Number(string name) => long.Parse(fields[name], CultureInfo.InvariantCulture);
    }

    private static (long Upper, long Count) Bucket(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon < 0
            ? throw new FormatException(text)
            : (long.Parse(text.AsSpan(0, colon), CultureInfo.InvariantCulture), long.Parse(text.AsSpan(colon + 1), CultureInfo.InvariantCulture));
    }
}
