using System.Globalization;
using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>lateness: a handler that does not return; how long after its deadline the vCPU has its reply.</summary>
internal static class LatenessVerb
{
    private const double DeadlineMilliseconds = 20;
    private const int Vms = 8;

    public static void Run(Bench bench)
    {
        var policies = PolicyWriter.Write(bench.Children.NewPath("policies"), new PolicyWriter.Wish { Matching = 1, Hangs = true });
        var ours = Contestant.Ours(bench, "ours, a handler that never returns", policies, new LoadShape(Vms, 1, "cr"));
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            ours.RunRound(TimeSpan.FromSeconds(1));
        }

        ours.End();
        bench.Report.Table(
            string.Create(CultureInfo.InvariantCulture, $"A script that loops for ever, deadline {DeadlineMilliseconds} ms, {Vms} VMs with 1 vCPU; a policy that hangs too often is taken out"),
            [ours]);
        List<double> late = [];
        foreach (var (upper, count) in ours.Rounds.SelectMany(round => round.Buckets).Where(bucket => bucket.Upper / 1e6 >= DeadlineMilliseconds))
        {
            late.AddRange(Enumerable.Repeat((upper / 1e6) - DeadlineMilliseconds, (int)count));
        }

        late.Sort();
        if (late.Count == 0)
        {
            throw new BenchmarkException("No event was answered at its deadline: the handler does not hang.");
        }

        bench.Report.Goal("reply after the deadline: p99", Spread.Of([late[(int)(0.99 * (late.Count - 1))]]), 2, "ms");
        bench.Report.Figure("reply after the deadline: p50, and all", Spread.Of(late), "ms");
        bench.Report.Note($"{ours.Totals!.Timeouts} of {ours.Totals.Events} events were answered at their deadline; {late.Count} took at least as long as it in the rounds.");
    }
}
