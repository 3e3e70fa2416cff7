using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>latency: one event, from its send to its reply, beside responders in C; the goals of the project.</summary>
internal static class LatencyVerb
{
    private const double SpinRate = 1.4;

    public static void Run(Bench bench)
    {
        var policies = PolicyWriter.Write(bench.Children.NewPath("policies"), new PolicyWriter.Wish { Matching = 10 });
        var none = Directory.CreateDirectory(bench.Children.NewPath("policies")).FullName;
        var hasLow = HostHelp.Run(bench).Contains("--latency", StringComparison.Ordinal);
        foreach (var vcpus in (ReadOnlySpan<int>)[1, 8])
        {
            var shape = new LoadShape(1, vcpus, "cr");
            List<Contestant> all =
            [
                Contestant.Floor(bench, "read", shape),
                Contestant.Floor(bench, "poll", shape),
                Contestant.Floor(bench, "queue", shape),
                Contestant.Floor(bench, "spin", shape),
                Contestant.Ours(bench, "ours, no policy", none, shape),
                Contestant.Ours(bench, "ours, 10 policies", policies, shape),
            ];
            if (hasLow)
            {
                all.Add(Contestant.Ours(bench, "ours, 10 policies, --latency low", policies, shape, "--latency", "low"));
            }

            bench.Compete($"CR3 writes, {Words(vcpus)}: ours with 10 script policies that all match, beside C responders that decide nothing", all);
            var ours = all[5];
            var read = new Ratios(ours.Rounds, all[0].Rounds);
            var label = $"{Words(vcpus)}, default mode, to C read";
            bench.Report.Goal($"{label}: p50", read.P50, 1.10, "x");
            bench.Report.Goal($"{label}: p99", read.P99, 1.25, "x");
            bench.Report.Goal($"{label}: rate", read.Rate, 1.0, "x", atLeast: true);
            if (hasLow)
            {
                var low = new Ratios(all[6].Rounds, all[1].Rounds);
                label = $"{Words(vcpus)}, --latency low, to C poll";
                bench.Report.Goal($"{label}: p50", low.P50, 0.7, "x");
                bench.Report.Goal($"{label}: p99.9", low.P999, 1.5, "x");
                bench.Report.Goal($"{label}: rate", low.Rate, SpinRate, "x", atLeast: true);
            }
            else
            {
                bench.Report.Note("This build has no low-latency mode (run --latency): its goals are not measured.");
            }

            // What code does the first time it runs is in the account; an object for each event would be 24 bytes each.
            var bytes = (double)ours.Totals!.OwnerBytes / ours.Totals.Events;
            bench.Report.Goal($"{Words(vcpus)}: bytes that the owner thread allocated for each event", Spread.Of([Math.Floor(bytes)]), 0, "bytes");
        }
    }

    private static string Words(int vcpus) => vcpus == 1 ? "1 vCPU" : $"{vcpus} vCPUs";
}
