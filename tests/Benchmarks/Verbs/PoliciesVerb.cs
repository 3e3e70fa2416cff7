using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>policies: what policies cost: none, 1, 10 and 100 that all match, 1,000 of which one matches, plugin, audit, alerts.</summary>
internal static class PoliciesVerb
{
    private const int Thousand = 1000;

    public static void Run(Bench bench)
    {
        var shape = new LoadShape(1, 1, "cr");
        var one = Start("1 policy", new() { Matching = 1 });
        List<Contestant> all =
        [
            one,
            Start("no policy", new()),
            Start("10 policies, all match", new() { Matching = 10 }),
            Start("100 policies, all match", new() { Matching = 100 }),
            Start("1 matches, 999 of other keys", new() { Matching = 1, OfOtherKeys = Thousand - 1 }),
            Start("1 matches, 999 filtered by value", new() { Matching = 1, Filtered = Thousand - 1 }),
        ];
        bench.Compete("How the number of policies costs (CR3 writes, 1 vCPU)", all);
        var thousand = new Ratios(all[4].Rounds, one.Rounds);
        bench.Report.Goal("1,000 policies of which 1 matches, to 1 policy: p50", thousand.P50, 1.2, "x");
        bench.Report.Goal("1,000 policies of which 1 matches, to 1 policy: CPU for each event", thousand.Processor, 1.2, "x");
        bench.Report.Figure("the same where 999 filters have to be looked at: p50", new Ratios(all[5].Rounds, one.Rounds).P50, "x");
        bench.Report.Figure("resident memory for each loaded policy", Spread.Of([(all[4].ResidentBytes - one.ResidentBytes) / 1024.0 / (Thousand - 1)]), "KiB");
        bench.Report.Figure("start with 1,000 policies", Spread.Of([all[4].Host!.StartTime.TotalSeconds]), "s");

        List<Contestant> kinds =
        [
            Start("1 policy, enforce", new() { Matching = 1 }),
            Start("1 policy, audit", new() { Matching = 1, Mode = "audit" }),
            Plugin("1 plugin (process census)"),
            Start("1 policy, an alert for every event", new() { Matching = 1, Alerts = true }),
        ];
        bench.Compete("Script, plugin, mode and alerts (CR3 writes, 1 vCPU)", kinds);
        bench.Report.Note($"{kinds[3].Totals!.Alerts} alerts were raised for {kinds[3].Totals!.Events} events and written to a file.");

        List<Contestant> events = [];
        foreach (var kind in (ReadOnlySpan<string>)["cr", "msr", "pf"])
        {
            events.Add(Contestant.Ours(bench, $"10 policies, {kind}", Write(new() { Matching = 10, Kind = kind }), new LoadShape(1, 1, kind)));
        }

        bench.Compete("Kinds of events (1 vCPU)", events);

        Contestant Start(string name, PolicyWriter.Wish wish) => Contestant.Ours(bench, name, Write(wish), shape);

        string Write(PolicyWriter.Wish wish) => PolicyWriter.Write(bench.Children.NewPath("policies"), wish);

        Contestant Plugin(string name)
        {
            var beside = Path.GetDirectoryName(PolicyHostProcess.Program())!;
            var policies = Directory.CreateDirectory(Path.Combine(bench.Children.NewPath("policies"), "census")).FullName;
            File.Copy(Path.Combine(beside, "policies", "process-census", "policy.yaml"), Path.Combine(policies, "policy.yaml"));
            return Contestant.Ours(bench, name, Path.GetDirectoryName(policies)!, shape, "--plugins", Path.Combine(beside, "plugins"));
        }
    }
}
