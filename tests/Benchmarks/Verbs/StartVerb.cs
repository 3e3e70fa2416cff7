using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>start: from the start of the process until it listens with its policies live.</summary>
internal static class StartVerb
{
    public static void Run(Bench bench)
    {
        foreach (var count in (ReadOnlySpan<int>)[0, 1, 10])
        {
            List<double> first = [], second = [];
            for (var round = 0; round < bench.Options.Rounds; round++)
            {
                // New files each time, so that nothing in the compile cache fits; then the same files again, which it has.
                var policies = PolicyWriter.Write(
                    bench.Children.NewPath("policies"), new PolicyWriter.Wish { Matching = count, Mode = round % 2 == 0 ? "audit" : "enforce" });
                foreach (var script in Directory.EnumerateFiles(policies, "*.csx", SearchOption.AllDirectories))
                {
                    File.AppendAllText(script, $"// {policies}\n");
                }

                var state = bench.Children.NewPath("state");
                first.Add(Start(policies, state));
                second.Add(Start(policies, state));
            }

            var what = count == 1 ? "1 policy" : $"{count} policies";
            if (count == 0)
            {
                bench.Report.Figure("process start -> listening, no policies", Spread.Of([.. first, .. second]), "s");
                continue;
            }

            bench.Report.Goal($"process start -> {what} live, new files", Spread.Of(first), 1.0, "s");
            bench.Report.Goal($"process start -> {what} live, the same files again", Spread.Of(second), 0.2, "s");
        }

        double Start(string policies, string state)
        {
            var host = PolicyHostProcess.Start(bench, policies, ["--state", state]);
            host.End();
            return host.StartTime.TotalSeconds;
        }
    }
}
