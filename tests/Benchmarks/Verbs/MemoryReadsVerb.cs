using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>memory-reads: handlers that read 64 bytes of 1 and 16 pages of guest memory for each event, one by one and in one call; C reads one by one.</summary>
internal static class MemoryReadsVerb
{
    public static void Run(Bench bench)
    {
        var shape = new LoadShape(1, 1, "cr");
        foreach (var reads in (ReadOnlySpan<int>)[1, 16])
        {
            var floor = Contestant.Floor(bench, "read", shape, reads);
            var ours = Ours(bench, "ours, one by one", shape, new PolicyWriter.Wish { Matching = 1, Reads = reads });
            var together = Ours(bench, "ours, one call", shape, new PolicyWriter.Wish { Matching = 1, Reads = reads, Together = true });
            bench.Compete($"{reads} READ_PHYSICAL for each event, 1 vCPU", floor, Contestant.Floor(bench, "poll", shape, reads), ours, together);
            CheckCommands(ours, reads);
            CheckCommands(together, reads);
            bench.Report.Figure($"{reads} reads one by one: p50 to C read", new Ratios(ours.Rounds, floor.Rounds).P50, "x");
            bench.Report.Figure($"{reads} reads in one call: p50 to C read", new Ratios(together.Rounds, floor.Rounds).P50, "x");
        }
    }

    private static Contestant Ours(Bench bench, string name, LoadShape shape, PolicyWriter.Wish wish) =>
        Contestant.Ours(bench, name, PolicyWriter.Write(bench.Children.NewPath("policies"), wish), shape);

    private static void CheckCommands(Contestant ours, int reads)
    {
        var wanted = ours.Rounds.Sum(round => round.Events) * reads;
        var sent = ours.Rounds.Sum(round => round.Commands);
        if (sent < wanted)
        {
            throw new BenchmarkException($"The policy should have sent {wanted} commands and sent {sent}: something else was measured.");
        }
    }
}
