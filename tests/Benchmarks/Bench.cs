using Kvmi.Benchmarks.Children;
using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Output;

namespace Kvmi.Benchmarks;

/// <summary>What every benchmark needs: programs, processes, settings and where to print.</summary>
internal sealed class Bench : IDisposable
{
    public Bench(BenchOptions options, TextWriter output)
    {
        Options = options;
        Report = new Report(output, options.Json, options.Histogram);
        Children = new ChildProcesses();
        try
        {
            Programs = NativePrograms.Build(Children.Root);
        }
        catch
        {
            Children.Dispose();
            throw;
        }
    }

    public BenchOptions Options { get; }

    public Report Report { get; }

    public ChildProcesses Children { get; }

    public NativePrograms Programs { get; }

    /// <summary>Warms all up, runs the rounds in turn, ends all, and prints the table; the first is what the others are compared with.</summary>
    /// <param name="title">Heading of the table.</param>
    /// <param name="contestants">Started, attached tools.</param>
    public IReadOnlyList<Contestant> Compete(string title, params IReadOnlyList<Contestant> contestants)
    {
        foreach (var contestant in contestants)
        {
            contestant.WarmUp(contestant.Host is null ? Options.Time / 2 : Options.WarmUp);
        }

        for (var round = 0; round < Options.Rounds; round++)
        {
            // Every other round backwards, so that nobody always comes after the same one.
            for (var i = 0; i < contestants.Count; i++)
            {
                contestants[round % 2 == 0 ? i : contestants.Count - 1 - i].RunRound(Options.Time);
            }
        }

        foreach (var contestant in contestants)
        {
            contestant.End();
        }

        Report.Table(title, contestants);
        return contestants;
    }

    public void Dispose() => Children.Dispose();
}
