using System.Globalization;
using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Watching;

/// <summary>Shows the histograms of a run at intervals, on a thread of its own: as a table on a terminal, else as lines.</summary>
internal sealed class WatchProgress : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _task;
    private bool _isDisposed;

    private WatchProgress(WatchSettings settings, PolicyEngine engine, VerbContext context) =>
        _task = Task.Run(() => settings.Screen is { } screen
            ? screen.ShowAsync(() => engine.GetCounts(settings.Top), context.Time, _stop.Token)
            : TellAsync(settings, engine, context));

    /// <summary>Begins; null when nobody watches.</summary>
    public static WatchProgress? Start(WatchSettings? settings, PolicyEngine engine, VerbContext context) =>
        settings is null ? null : new WatchProgress(settings, engine, context);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _task.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task TellAsync(WatchSettings settings, PolicyEngine engine, VerbContext context)
    {
        using var timer = new PeriodicTimer(settings.Every, context.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                foreach (var counts in engine.GetCounts(1))
                {
                    context.Results.Write(Line(counts, context.Results.Now));
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The run is over; its table follows.
        }
    }

    private static StatusOutput Line(CountSummary counts, DateTimeOffset now)
    {
        var most = counts.Top.Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", most often {Words.Hex(counts.Top[0].Key)} ({counts.Top[0].Count})");
        return new StatusOutput
        {
            Time = now,
            Policy = counts.Policy,
            Vm = counts.Vm,
            Status = "counting",
            Message = $"{Words.Count(counts.Total, "event")}, {Words.Count(counts.Keys, "key")}{most}.",
            Fields = [new OutputField("total", counts.Total), new OutputField("keys", (long)counts.Keys)],
        };
    }
}
