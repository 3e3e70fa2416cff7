using System.Globalization;
using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.OneLiners;
using Kvmi.Policy.Host.Output;
using Kvmi.Session.Deadlines;
using Kvmi.Policy.Host.Recording;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host.Running;

/// <summary>The policies of a run: the first load, the reloads while it runs, and what is told about them.</summary>
internal sealed class LivePolicies : IReloadListener, IAsyncDisposable
{
    private readonly ResultWriter _results;
    private readonly ILogger _logger;
    private readonly PolicyReloader _reloader;
    private readonly PolicyWorkshop _workshop;
    private readonly Action _wentLive;
    private readonly GivenOneLiners _oneLiners;
    private bool _first = true;
    private bool _disposed;
    private long _reloads;
    private long _failed;

    private LivePolicies(VerbContext context, RunOptions options, PolicyEngine engine, RunRecording recording)
    {
        _wentLive = () => recording.WentLive(engine);
        _oneLiners = options.OneLiners;
        _results = context.Results;
        _logger = context.LoggerFactory.CreateLogger("Kvmi.Policy.Host");
        _workshop = new PolicyWorkshop(context.Time, options.Plugins, options.Mode, options.FileRules, options.Untrusted, options.AllowWeakWorker, options.CompileCache);
        _reloader = new PolicyReloader(
            new PolicyReloaderOptions
            {
                PolicyDirectories = options.Policies,
                PluginDirectories = options.Plugins,
                PluginRules = options.FileRules.Plugins,
                SingleFiles = options.Sites,
                ReloadsAsShadow = options.Reload.AsShadow,
                Tests = options.Reload.RunsTests ? _workshop.ReloadTests(options.Sites) : null,
            },
            options.OneLiners.Beside(_workshop.Source(options.Policies, options.Sites), _workshop.Options),
            _workshop.Builder,
            engine,
            this,
            context.Time);
    }

    /// <summary>Reloads that went live.</summary>
    public long Reloads => Volatile.Read(ref _reloads);

    /// <summary>Reloads that failed; the policies before them stayed.</summary>
    public long FailedReloads => Volatile.Read(ref _failed);

    /// <summary>Reads, builds and swaps now, also when nothing changed. Any thread.</summary>
    /// <returns>What became of it; cancelled when the run ends first.</returns>
    /// <param name="asShadow">True: the new policies run beside the live ones, whatever the run was started with.</param>
    public Task<ReloadReport> ReloadAsync(bool asShadow = false) => asShadow ? _reloader.ReloadAsShadowAsync() : _reloader.ReloadNowAsync();

    /// <summary>Makes the shadow live. Any thread.</summary>
    /// <returns>What became of it; cancelled when the run ends first.</returns>
    public async Task<ShadowAnswer> PromoteAsync()
    {
        var answer = await _reloader.PromoteAsync().ConfigureAwait(false);
        if (answer.Success)
        {
            Interlocked.Increment(ref _reloads);
            _wentLive();
            Write("promoted", $"Generation {answer.Generation} was the shadow and is live.");
        }

        return answer;
    }

    /// <summary>Drops the shadow. Any thread.</summary>
    /// <returns>What became of it; cancelled when the run ends first.</returns>
    public async Task<ShadowAnswer> DiscardAsync()
    {
        var answer = await _reloader.DiscardAsync().ConfigureAwait(false);
        if (answer.Success)
        {
            Write("discarded", $"The shadow is gone; generation {answer.Generation} stays live.");
        }

        return answer;
    }

    /// <summary>Adds the threads that plugins have kept while they were loaded.</summary>
    public DeadlineCounters WithHungConstructors(DeadlineCounters counters)
    {
        var (lost, hanging) = _workshop.Builder.HungConstructors;
        return counters with { AbandonedThreads = counters.AbandonedThreads + lost, AbandonedNow = counters.AbandonedNow + hanging };
    }

    /// <summary>Code of superseded generations that something holds in memory.</summary>
    public IReadOnlyList<PinnedCode> PinnedCode => _workshop.Builder.PinnedCode;

    /// <summary>What became of the worker processes so far; null when no policy needed one.</summary>
    public WorkerCounters? Workers => _workshop.Builder.WorkerCounters is { Started: > 0 } counters ? counters : null;

    /// <summary>Loads the policies and keeps them in step with their files from then on.</summary>
    /// <returns>Null when they cannot be loaded; the findings are written.</returns>
    public static async Task<LivePolicies?> StartAsync(VerbContext context, RunOptions options, PolicyEngine engine, RunRecording recording)
    {
        var policies = new LivePolicies(context, options, engine, recording);

        // Asked for before the start, so that the first look at the files and this load are one.
        var first = policies._reloader.ReloadNowAsync();
        policies._reloader.Start();
        if ((await first.ConfigureAwait(false)).Success)
        {
            return policies;
        }

        await policies.DisposeAsync().ConfigureAwait(false);
        return null;
    }

    public void OnReload(ReloadReport report)
    {
        _oneLiners.Report(_results, report.Findings);
        if (report is { Success: true, IsShadow: false })
        {
            _wentLive();
        }

        var milliseconds = report.BuildTime.TotalMilliseconds;
        if (_first)
        {
            _first = false;
            Write(
                report.Success ? "loaded" : "load-failed",
                report.Success
                    ? (FormattableString)$"{Words.Count(report.Policies, "policy", "policies")} loaded in {milliseconds:0} ms."
                    : $"The policies cannot be loaded: correct what is reported above, or take the folder out.",
                report);
        }
        else if (report.IsShadow)
        {
            Write("shadowed", $"Generation {report.ShadowGeneration} runs as shadow of generation {report.Generation}{Tested(report)}: kvmi-policy promote makes it live, discard drops it.", report);
        }
        else if (report.Success)
        {
            Interlocked.Increment(ref _reloads);
            Write("reloaded", $"Generation {report.Generation} is live with {Words.Count(report.Policies, "policy", "policies")}, built in {milliseconds:0} ms{Tested(report)}.", report);
        }
        else
        {
            Interlocked.Increment(ref _failed);
            Write("reload-failed", $"Generation {report.Generation} stays live: the changed files have errors, reported above.", report);
        }
    }

    public void OnWatchProblem(string message) => LogMessages.WatchProblem(_logger, message);

    /// <summary>Stops reloading; the live policies stay live. May be called again.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            await _reloader.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Write(string status, FormattableString message) => _results.Write(new StatusOutput
    {
        Time = _results.Now,
        Status = status,
        Message = message.ToString(CultureInfo.InvariantCulture),
    });

    private static string Tested(ReloadReport report) => report.TestsPassed == 0 ? "" : $", {Words.Count(report.TestsPassed, "test")} passed";

    private void Write(string status, FormattableString message, ReloadReport report) => _results.Write(new StatusOutput
    {
        Time = _results.Now,
        Status = status,
        Message = message.ToString(CultureInfo.InvariantCulture),
        Fields = ReloadFields.Of(report),
    });
}
