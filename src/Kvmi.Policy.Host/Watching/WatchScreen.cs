using System.Text;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Kvmi.Policy.Host.Watching;

/// <summary>The histograms as a table that is drawn again and again on a terminal. What the run says meanwhile is held back, its last line stands below.</summary>
/// <param name="console">The terminal.</param>
/// <param name="held">Where the run writes meanwhile.</param>
/// <param name="title">What is watched.</param>
internal sealed class WatchScreen(IAnsiConsole console, HeldOutput held, string title)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    /// <summary>Draws until it is cancelled; then the terminal is as it was before.</summary>
    public Task ShowAsync(Func<IReadOnlyList<CountSummary>> read, TimeProvider time, CancellationToken cancellation) =>
        console.Live(Draw([])).AutoClear(true).Overflow(VerticalOverflow.Ellipsis).StartAsync(async live =>
        {
            using var timer = new PeriodicTimer(Interval, time);
            try
            {
                while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
                {
                    live.UpdateTarget(Draw(read()));
                }
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                // The run is over; its last table follows as text.
            }
        });

    /// <summary>One picture.</summary>
    public IRenderable Draw(IReadOnlyList<CountSummary> histograms)
    {
        List<IRenderable> rows = [Plain(title)];
        foreach (var counts in histograms)
        {
            var heading = $"{counts.Vm}: {Words.Count(counts.Total, "event")}, {Words.Count(counts.Keys, "key")}, "
                + $"{CountsOutput.Rate(counts.Total, counts.Elapsed)}/s, {CountsOutput.Exactness(counts)}";
            var table = new Table().Border(TableBorder.Simple);
            table.AddColumn(new TableColumn("key"));
            foreach (var column in new[] { "count", "%", "/s", "last (UTC)" })
            {
                table.AddColumn(new TableColumn(column).RightAligned());
            }

            foreach (var row in counts.Top)
            {
                table.AddRow(
                    Plain(Words.Hex(row.Key)), Plain($"{row.Count}"), Plain(CountsOutput.Share(row.Count, counts.Total)),
                    Plain(CountsOutput.Rate(row.Count, counts.Elapsed)), Plain(CountsOutput.TimeOf(row.Last)));
            }

            rows.Add(Plain(heading));
            rows.Add(table);
        }

        rows.Add(Plain(held.LastLine.Length > 0 ? held.LastLine : "Waiting for events. Ctrl-C ends with the final table."));
        return new Rows(rows);
    }

    // Names of VMs come from the peer: neither the terminal nor the library may obey them.
    private static Text Plain(string text) => new(new StringBuilder().AppendSafe(text).ToString());
}
