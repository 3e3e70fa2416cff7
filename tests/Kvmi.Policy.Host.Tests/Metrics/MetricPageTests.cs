using System.Text.RegularExpressions;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Metrics;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Metrics;

public sealed partial class MetricPageTests
{
    [Fact]
    public void The_page_names_every_metric_with_its_kind_and_labels_and_no_other()
    {
        var page = File.ReadAllText(Path.Combine(CommandProcess.Directory, "metrics.md"));
        var rows = Row().Matches(page).Select(row => (row.Groups[1].Value, row.Groups[2].Value, row.Groups[3].Value)).Order().ToList();
        var code = MetricCatalogue.Families
            .Select(family => (family.Name, family.Kind.ToString().ToLowerInvariant(), string.Join(", ", family.Labels.Select(label => $"`{label}`")))).Order().ToList();
        Assert.Equal(code, rows);
    }

    [Fact]
    public void Names_and_units_follow_the_conventions() => Assert.All(MetricCatalogue.Families, family =>
    {
        Assert.Matches("^kvmi_policy_[a-z_]+$", family.Name);
        Assert.Equal(family.Kind == MetricKind.Counter, family.Name.EndsWith("_total", StringComparison.Ordinal));
        Assert.Equal(family.Unit == "s", family.Name.Replace("_total", "", StringComparison.Ordinal).EndsWith("_seconds", StringComparison.Ordinal));
    });

    [Theory]
    [InlineData("plain")]
    [InlineData("a\"b\\c\nd")]
    [InlineData("x\"} 1\nkvmi_policy_vms 999\n")]
    [InlineData("\u001b[2J\0\r")]
    [InlineData("\ud800 half")]
    public void A_hostile_label_stays_one_label(string name)
    {
        var times = new LatencyHistogram();
        times.Record(5_000);
        var text = new PrometheusText();
        var cut = HostReading.Cut(name);
        text.Add(new MetricFamily("kvmi_policy_a", MetricKind.Gauge, "{a}", "A.", ["vm"], _ => [new([cut], 1)]), null!);
        text.Add(new MetricFamily("kvmi_policy_b_seconds", MetricKind.Histogram, "s", "B.", ["vm"], _ => [new([cut], 0, times)]), null!);
        var page = ExpositionParser.Parse(System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text.ToString())));
        Assert.Equal(2, page.Types.Count);
        Assert.Single(page.Series, series => series.Key.StartsWith("kvmi_policy_a", StringComparison.Ordinal));
        Assert.Equal(1, page.Sum("kvmi_policy_b_seconds_count"));
        Assert.DoesNotContain(page.Series.Keys, key => key.Any(char.IsControl));
    }

    [Fact]
    public void Long_names_are_cut_and_equal_series_are_added_up()
    {
        var cut = HostReading.Cut(new string('x', 63) + "\U0001F600" + new string('y', 10_000));
        Assert.Equal(63, cut.Length);
        var text = new PrometheusText();
        text.Add(new MetricFamily("kvmi_policy_a", MetricKind.Gauge, "{a}", "A.", ["vm"], _ => [new(["_other"], 1), new(["_other"], 2)]), null!);
        Assert.Equal(3, Assert.Single(ExpositionParser.Parse(text.ToString()).Series).Value);
    }

    [GeneratedRegex(@"^\| `(kvmi_policy_[a-z_]+)` \| (counter|gauge|histogram) \| ([^|]*?) ?\|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
