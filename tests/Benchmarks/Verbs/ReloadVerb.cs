using System.Diagnostics;
using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>reload: a script is saved while events flow; how long until the new generation is live, and is every event answered once?</summary>
internal static class ReloadVerb
{
    private const int WarmUps = 3;

    public static void Run(Bench bench)
    {
        foreach (var count in (ReadOnlySpan<int>)[1, 10])
        {
            var directory = PolicyWriter.Write(bench.Children.NewPath("policies"), new PolicyWriter.Wish { Matching = count });
            var script = Path.Combine(directory, "match-0000", "match-0000.csx");
            var text = File.ReadAllText(script);
            var ours = Contestant.Ours(bench, "ours", directory, new LoadShape(1, 1, "cr"));
            ours.WarmUp(bench.Options.WarmUp);
            List<double> times = [];
            for (var save = 1; save <= WarmUps + bench.Options.Rounds; save++)
            {
                var load = Task.Run(() => ours.RunRound(TimeSpan.FromMilliseconds(1200)));
                Thread.Sleep(100);
                var started = Stopwatch.GetTimestamp();
                File.WriteAllText(script, $"{text}// save {save}\n");
                ours.Host!.WaitFor("\"status\":\"reloaded\"", save);
                var took = Stopwatch.GetElapsedTime(started);
                load.GetAwaiter().GetResult();
                if (save > WarmUps)
                {
                    times.Add(took.TotalMilliseconds);
                }
            }

            ours.End();
            bench.Report.Goal($"save of 1 script of {count} -> new generation live, under load, warm", Spread.Of(times), 150, "ms");
            bench.Report.Figure($"  of which the host says that it built for ({count} policies)", Spread.Of(ours.Host!.BuildMilliseconds().Skip(1 + WarmUps)), "ms");
            bench.Report.Note($"{ours.EventsSent} events were sent meanwhile; each was answered exactly once.");
        }
    }
}
