using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>memory-reads: handlers that read 64 bytes of guest memory once and 16 times for each event.</summary>
internal static class MemoryReadsVerb
{
    public static void Run(Bench bench)
    {
        var shape = new LoadShape(1, 1, "cr");
        foreach (var reads in (ReadOnlySpan<int>)[1, 16])
        {
            var policies = PolicyWriter.Write(bench.Children.NewPath("policies"), new PolicyWriter.Wish { Matching = 1, Reads = reads });
            var floor = Contestant.Floor(bench, "read", shape, reads);
            var ours = Contestant.Ours(bench, "ours, 1 policy", policies, shape);
            bench.Compete($"{reads} READ_PHYSICAL of 64 bytes for each event, 1 vCPU", floor, Contestant.Floor(bench, "poll", shape, reads), ours);
            var wanted = ours.Rounds.Sum(round => round.Events) * reads;
            var sent = ours.Rounds.Sum(round => round.Commands);
            if (sent < wanted)
            {
                throw new BenchmarkException($"The policy should have sent {wanted} commands and sent {sent}: something else was measured.");
            }

            bench.Report.Figure($"{reads} reads: p50 to C read", new Ratios(ours.Rounds, floor.Rounds).P50, "x");
        }
    }
}
