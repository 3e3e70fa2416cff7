using System.Globalization;
using System.Text.RegularExpressions;

namespace Kvmi.Policy.Host.Tests.Metrics;

/// <summary>A strict reader of the text exposition format 0.0.4: everything that a scraper may refuse fails the test.</summary>
internal sealed partial class ExpositionParser
{
    private readonly Dictionary<string, string> _types = [];
    private readonly HashSet<string> _helps = [];
    private readonly Dictionary<string, double> _series = [];
    private string? _current;

    /// <summary>Type by metric.</summary>
    public IReadOnlyDictionary<string, string> Types => _types;

    /// <summary>Value by name and labels as they are written.</summary>
    public IReadOnlyDictionary<string, double> Series => _series;

    public static ExpositionParser Parse(string page)
    {
        Assert.EndsWith("\n", page, StringComparison.Ordinal);
        var parser = new ExpositionParser();
        foreach (var line in page[..^1].Split('\n'))
        {
            parser.Take(line);
        }

        parser.CheckHistograms();
        return parser;
    }

    /// <summary>Sum of all series of a metric whose labels contain a text.</summary>
    public double Sum(string name, string labels = "") =>
        _series.Where(pair => (pair.Key == name || pair.Key.StartsWith(name + "{", StringComparison.Ordinal)) && pair.Key.Contains(labels, StringComparison.Ordinal))
            .Sum(pair => pair.Value);

    private void Take(string line)
    {
        if (Help().Match(line) is { Success: true } help)
        {
            _current = help.Groups[1].Value;
            Assert.True(_helps.Add(_current), $"HELP twice: {line}");
            return;
        }

        if (Type().Match(line) is { Success: true } type)
        {
            Assert.Equal(_current, type.Groups[1].Value);
            _types.Add(_current!, type.Groups[2].Value);
            return;
        }

        var sample = Sample().Match(line);
        Assert.True(sample.Success, $"No line of the format: {line}");
        var name = sample.Groups["name"].Value;
        var kind = _types[_current!];
        Assert.Contains(name, kind == "histogram" ? [$"{_current}_bucket", $"{_current}_sum", $"{_current}_count"] : new[] { _current! });
        Assert.Equal(kind == "counter", name.EndsWith("_total", StringComparison.Ordinal));
        var value = double.Parse(sample.Groups["value"].Value, NumberStyles.Float, CultureInfo.InvariantCulture);
        Assert.True(kind == "gauge" || value >= 0, line);
        Assert.True(_series.TryAdd(name + sample.Groups["labels"].Value, value), $"A series twice: {line}");
    }

    private void CheckHistograms()
    {
        foreach (var name in _types.Where(type => type.Value == "histogram").Select(type => type.Key))
        {
            var counts = _series.Where(pair => pair.Key.StartsWith(name + "_count", StringComparison.Ordinal)).ToList();
            foreach (var (key, count) in counts)
            {
                var labels = key[(name + "_count").Length..].TrimStart('{').TrimEnd('}');
                var buckets = _series.Where(pair =>
                    pair.Key.StartsWith($"{name}_bucket{{{labels}{(labels.Length > 0 ? "," : "")}le=", StringComparison.Ordinal)).Select(pair => pair.Value).ToList();
                Assert.Equal(buckets.Order(), buckets);
                Assert.Equal(count, buckets[^1]);
                Assert.True(_series.ContainsKey($"{name}_sum{(labels.Length > 0 ? $"{{{labels}}}" : "")}"));
            }
        }
    }

    [GeneratedRegex("""^# HELP ([a-z_]+) \S.*\.$""")]
    private static partial Regex Help();

    [GeneratedRegex("""^# TYPE ([a-z_]+) (counter|gauge|histogram)$""")]
    private static partial Regex Type();

    [GeneratedRegex("""^(?<name>[a-z_]+)(?<labels>\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (?<value>\S+)$""")]
    private static partial Regex Sample();
}
