using System.Globalization;
using System.Text.Json;
using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;

namespace Kvmi.Benchmarks.Output;

/// <summary>Tables and goals for people, or the same as JSON lines. The names of the lines' fields are in the README of this folder.</summary>
internal sealed class Report(TextWriter output, bool json, bool histogram)
{
    private static readonly JsonSerializerOptions Names = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Figures of several tools side by side; ratios are to the first one.</summary>
    public void Table(string title, IReadOnlyList<Contestant> contestants)
    {
        if (!json)
        {
            output.WriteLine();
            output.WriteLine(title);
            output.WriteLine($"  {"",-34} {"events/s",9} {"p50 us",8} {"p99 us",8} {"p99.9 us",9} {"max us",9} {"CPU us",7} {"B/event",8} {"RSS MiB",8}   ratios to the first: median (least-most)");
        }

        foreach (var contestant in contestants)
        {
            Line(title, contestant, contestants[0]);
        }

        if (histogram)
        {
            foreach (var contestant in contestants)
            {
                Histogram(title, contestant);
            }
        }

        output.Flush();
    }

    /// <summary>One figure beside its goal.</summary>
    /// <param name="what">What was measured.</param>
    /// <param name="value">The figure.</param>
    /// <param name="goal">The bound.</param>
    /// <param name="unit">Its unit: x, ms, s, bytes.</param>
    /// <param name="atLeast">True when more is better.</param>
    public void Goal(string what, Spread value, double goal, string unit, bool atLeast = false)
    {
        var isMet = atLeast ? value.Median >= goal : value.Median <= goal;
        if (json)
        {
            Write(new { Type = "goal", What = what, value.Median, Least = value.Min, Most = value.Max, Goal = goal, AtLeast = atLeast, Unit = unit, Met = isMet });
            return;
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {(isMet ? "met   " : "MISSED")} {what}: {value.Median:0.00} {unit} ({value.Min:0.00}-{value.Max:0.00}); goal {(atLeast ? ">=" : "<=")} {goal:0.##} {unit}"));
    }

    /// <summary>A figure without a goal.</summary>
    public void Figure(string what, Spread value, string unit)
    {
        if (json)
        {
            Write(new { Type = "figure", What = what, value.Median, Least = value.Min, Most = value.Max, Unit = unit });
            return;
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"         {what}: {value.Median:0.00} {unit} ({value.Min:0.00}-{value.Max:0.00})"));
    }

    /// <summary>A sentence.</summary>
    public void Note(string text)
    {
        if (json)
        {
            Write(new { Type = "note", Text = text });
            return;
        }

        output.WriteLine($"         {text}");
    }

    private void Line(string title, Contestant contestant, Contestant first)
    {
        var rounds = contestant.Rounds;
        var rate = Spread.Of(rounds.Select(round => round.Rate));
        var p50 = Median(round => round.P50 / 1e3);
        var p99 = Median(round => round.P99 / 1e3);
        var p999 = Median(round => round.P999 / 1e3);
        var max = rounds.Max(round => round.Max / 1e3);
        var processor = Median(round => round.ProcessorMicroseconds);
        var resident = contestant.ResidentBytes / 1048576.0;
        double? bytes = contestant.Totals is { } totals ? (double)totals.OwnerBytes / Math.Max(1, totals.Events) : null;
        var ratios = new Ratios(contestant.Rounds, first.Rounds);
        if (json)
        {
            Write(new
            {
                Type = "tool",
                Title = title,
                contestant.Name,
                Rounds = rounds.Count,
                Events = rounds.Sum(round => round.Events),
                EventsPerSecond = rate.Median,
                P50Microseconds = p50,
                P99Microseconds = p99,
                P999Microseconds = p999,
                MaxMicroseconds = max,
                ProcessorMicrosecondsPerEvent = processor,
                ResidentBytes = contestant.ResidentBytes,
                OwnerBytesPerEvent = bytes,
                contestant.Totals?.AllocatedBytes,
                GcCollections = contestant.Totals?.Collections,
                contestant.Totals?.GcPauseMicroseconds,
                contestant.Totals?.Alerts,
                contestant.Totals?.DecisionP50Nanoseconds,
                RateRatio = ratios.Rate,
                P50Ratio = ratios.P50,
                P99Ratio = ratios.P99,
                P999Ratio = ratios.P999,
                ProcessorRatio = ratios.Processor,
            });
            return;
        }

        output.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"  {contestant.Name,-34} {rate.Median,9:0} {p50,8:0.0} {p99,8:0.0} {p999,9:0.0} {max,9:0} {processor,7:0.0} {(bytes is { } b ? b.ToString("0.00", CultureInfo.InvariantCulture) : "-"),8} {resident,8:0.0}"));
        output.WriteLine(ReferenceEquals(contestant, first)
            ? "   1"
            : $"   rate {Text(ratios.Rate)}  p50 {Text(ratios.P50)}  p99 {Text(ratios.P99)}  p99.9 {Text(ratios.P999)}  CPU {Text(ratios.Processor)}");

        double Median(Func<Round, double> figure) => Spread.Of(rounds.Select(figure)).Median;
    }

    private void Histogram(string title, Contestant contestant)
    {
        var buckets = contestant.Rounds.SelectMany(round => round.Buckets)
            .GroupBy(bucket => bucket.Upper, bucket => bucket.Count)
            .OrderBy(group => group.Key)
            .Select(group => (Upper: group.Key, Count: group.Sum()))
            .ToList();
        if (json)
        {
            Write(new
            {
                Type = "histogram",
                Title = title,
                contestant.Name,
                UpperNanoseconds = buckets.Select(bucket => bucket.Upper),
                Counts = buckets.Select(bucket => bucket.Count),
            });
            return;
        }

        output.WriteLine($"\n  {contestant.Name}: how many events took up to");
        var most = (double)buckets.GroupBy(Octave).Max(group => group.Sum(bucket => bucket.Count));
        foreach (var octave in buckets.GroupBy(Octave))
        {
            var count = octave.Sum(bucket => bucket.Count);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"    {octave.Last().Upper / 1e3,10:0.0} us {count,9} {new string('#', (int)Math.Ceiling(50 * count / most))}"));
        }

        static int Octave((long Upper, long Count) bucket) => (int)(2 * Math.Log2(Math.Max(1, bucket.Upper)));
    }

    private static string Text(Spread ratio) =>
        string.Create(CultureInfo.InvariantCulture, $"{ratio.Median:0.00} ({ratio.Min:0.00}-{ratio.Max:0.00})");

    private void Write(object line) => output.WriteLine(JsonSerializer.Serialize(line, Names));
}
