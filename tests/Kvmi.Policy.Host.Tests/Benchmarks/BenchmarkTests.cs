using System.Text.Json;
using Kvmi.Benchmarks;
using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Policy.Host.Tests.Benchmarks;

/// <summary>The benchmarks work: their C programs compile, and every event is answered exactly once. No time is asserted.</summary>
public class BenchmarkTests
{
    [Theory]
    [InlineData(1, 1, "cr")]
    [InlineData(1, 8, "mix")]
    [InlineData(3, 2, "pf")]
    public void A_short_round_of_every_tool_answers_every_event_once(int vms, int vcpus, string kind)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/gcc"), "gcc is not there; the benchmarks need it (package gcc)");
        var output = new StringWriter();
        string root;
        using (var bench = new Bench(new BenchOptions(2, TimeSpan.FromMilliseconds(30), TimeSpan.FromMilliseconds(40), Json: true, Histogram: true), output))
        {
            root = bench.Children.Root;
            var shape = new LoadShape(vms, vcpus, kind);
            var policies = PolicyWriter.Write(
                bench.Children.NewPath("policies"), new PolicyWriter.Wish { Matching = 2, OfOtherKeys = 1, Filtered = 1, Kind = kind == "pf" ? "pf" : "cr" });
            Contestant[] all =
            [
                .. new[] { "read", "poll", "queue", "spin" }.Select(mode => Contestant.Floor(bench, mode, shape)),
                Contestant.Ours(bench, "ours", policies, shape),
            ];
            bench.Compete("test", all);

            Assert.All(all, tool => Assert.All(tool.Rounds, round => Assert.True(round.Events >= vms * vcpus)));
            Assert.All(all, tool => Assert.All(tool.Rounds, round => Assert.Equal(round.Events, round.Buckets.Sum(bucket => bucket.Count))));
            Assert.Equal(all[4].EventsSent, all[4].Totals!.Events);
            Assert.All(all, tool => Assert.True(tool.Tool.HasEnded));
        }

        var lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["C read", "C poll", "C queue", "C spin", "ours"], Lines("tool"));
        Assert.Equal(["C read", "C poll", "C queue", "C spin", "ours"], Lines("histogram"));
        Assert.False(Directory.Exists(root));

        IEnumerable<string?> Lines(string type) =>
            lines.Where(line => line.GetProperty("type").GetString() == type).Select(line => line.GetProperty("name").GetString());
    }

    [Fact]
    public void Handlers_that_read_memory_send_their_commands()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/gcc"), "gcc is not there; the benchmarks need it (package gcc)");
        using var bench = new Bench(new BenchOptions(1, TimeSpan.FromMilliseconds(30), TimeSpan.FromMilliseconds(40), Json: true, Histogram: false), TextWriter.Null);
        var shape = new LoadShape(1, 1, "cr");
        var policies = PolicyWriter.Write(bench.Children.NewPath("policies"), new PolicyWriter.Wish { Matching = 1, Reads = 3 });
        Contestant[] all = [Contestant.Floor(bench, "poll", shape, 3), Contestant.Ours(bench, "ours", policies, shape)];
        bench.Compete("test", all);

        Assert.All(all, tool => Assert.Equal(3 * tool.Rounds[0].Events, tool.Rounds[0].Commands));
        Assert.Equal(0, all[1].Totals!.Alerts);
    }

    [Fact]
    public void A_line_that_is_no_round_is_refused()
    {
        var error = Assert.Throws<BenchmarkException>(() => Round.Parse("round events=x"));
        Assert.Contains("round events=x", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ratios_are_made_round_by_round()
    {
        Assert.Equal(new Spread(2, 1, 3), Spread.OfRatios([2, 20, 3], [1, 20, 1]));
        Assert.Equal(2.5, Spread.Of([4, 1, 2, 3]).Median);
    }
}
