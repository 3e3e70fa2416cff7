using System.Globalization;
using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>lateness: a handler that does not return; how long after its deadline the vCPU has its reply.</summary>
internal static class LatenessVerb
{
    private const double DeadlineMilliseconds = 20;

    public static void Run(Bench bench)
    {
        var policies = PolicyWriter.Write(bench.Children.NewPath("policies"), new PolicyWriter.Wish { Matching = 1, Hangs = true });
        var ours = Contestant.Ours(bench, "ours, a handler that never returns", policies, new LoadShape(1, 1, "cr"));
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            ours.RunRound(TimeSpan.FromSeconds(1));
        }

        ours.End();
        bench.Report.Table(string.Create(CultureInfo.InvariantCulture, $"A script that loops for ever, deadline {DeadlineMilliseconds} ms, 1 vCPU"), [ours]);
        bench.Report.Goal("reply after the deadline: p99", Late(round => round.P99), 2, "ms");
        bench.Report.Figure("reply after the deadline: p50", Late(round => round.P50), "ms");
        bench.Report.Figure("reply after the deadline: max", Late(round => round.Max), "ms");
        bench.Report.Note($"{ours.Totals!.Timeouts} of {ours.Totals.Events} events were answered at their deadline.");

        Spread Late(Func<Round, long> figure) => Spread.Of(ours.Rounds.Select(round => (figure(round) / 1e6) - DeadlineMilliseconds));
    }
}
