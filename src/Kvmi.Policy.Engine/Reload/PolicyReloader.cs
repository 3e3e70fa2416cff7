using System.Threading.Channels;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Shadow;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>
/// Keeps the live generation in step with the files. Changes are found by polling, sooner by a watcher's hint, or asked for
/// with <see cref="ReloadNowAsync"/>; a burst of changes is one reload, reloads run one after the other, and a change
/// during a reload starts the next one. The new generation is built completely, and the tests of its changed policies pass,
/// before it goes live; whatever fails keeps the one that is live.
/// </summary>
public sealed class PolicyReloader : IAsyncDisposable
{
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(5);
    private const int FewestPinned = 3;

    private readonly PolicyReloaderOptions _options;
    private readonly IPolicySource _source;
    private readonly GenerationBuilder _builder;
    private readonly IGenerationTarget _target;
    private readonly IReloadListener _listener;
    private readonly TimeProvider _time;
    private readonly FileWatch _files;
    private readonly Channel<ReloadRequest> _requests = Channel.CreateUnbounded<ReloadRequest>();
    private readonly Channel<(TaskCompletionSource<ShadowAnswer> Answer, bool Promote)> _shadowRequests =
        Channel.CreateUnbounded<(TaskCompletionSource<ShadowAnswer>, bool)>();
    private readonly Channel<bool> _hints = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly DirectoryHints? _watchers;
    private LivePicture _live = LivePicture.Nothing;
    private LivePicture? _shadow;
    private Task? _loop;
    private TimeSpan _retryDelay;
    private long _failedAt;
    private bool _unsettledReported;
    private int _pinnedTold;
    private bool _disposed;

    /// <summary>Makes a reloader that does nothing yet.</summary>
    public PolicyReloader(
        PolicyReloaderOptions options,
        IPolicySource source,
        GenerationBuilder builder,
        IGenerationTarget target,
        IReloadListener listener,
        TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(listener);
        ArgumentNullException.ThrowIfNull(time);
        _options = options;
        _source = source;
        _builder = builder;
        _target = target;
        _listener = listener;
        _time = time;
        _files = new(options, time);
        if (options.UseWatcher)
            _watchers = new(options.PolicyDirectories.Concat(options.PluginDirectories), OnHint, listener.OnWatchProblem);
    }

    /// <summary>
    /// Starts the background loop, whose first look at the files loads the first generation. To wait for it, call
    /// <see cref="ReloadNowAsync"/> before this: the loop then answers that request first.
    /// </summary>
    /// <exception cref="InvalidOperationException">It runs already.</exception>
    public void Start()
    {
        if (_loop is not null)
            throw new InvalidOperationException("The reloader runs already.");

        _loop = Task.Run(RunAsync);
    }

    /// <summary>Reads, builds and swaps without waiting for a change, also when nothing changed. Safe from any thread.</summary>
    /// <returns>What became of it. Cancelled when the reloader stops first.</returns>
    public Task<ReloadReport> ReloadNowAsync() => Request(asShadow: false);

    /// <summary>The same, but the new generation runs as shadow whatever the options say; the first one goes live all the same.</summary>
    /// <returns>What became of it. Cancelled when the reloader stops first.</returns>
    /// <exception cref="InvalidOperationException">The target knows no shadows.</exception>
    public Task<ReloadReport> ReloadAsShadowAsync() => _target is IShadowTarget
        ? Request(asShadow: true)
        : throw new InvalidOperationException("The target knows no shadows.");

    /// <summary>Makes the shadow live: between two reloads, and between two events of each VM. Safe from any thread.</summary>
    /// <returns>What became of it. Cancelled when the reloader stops first.</returns>
    public Task<ShadowAnswer> PromoteAsync() => RequestOfShadow(promote: true);

    /// <summary>Lets the shadow go; the live generation stays. The files stay as they are: the next change makes the next shadow. Safe from any thread.</summary>
    /// <returns>What became of it. Cancelled when the reloader stops first.</returns>
    public Task<ShadowAnswer> DiscardAsync() => RequestOfShadow(promote: false);

    /// <summary>Stops watching. A reload that runs is finished first; the live generation stays live.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
            return;

        _requests.Writer.TryComplete();
        _shadowRequests.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_loop is not null)
            await _loop.ConfigureAwait(false);

        while (_requests.Reader.TryRead(out var request))
            request.Answer.TrySetCanceled();

        while (_shadowRequests.Reader.TryRead(out var request))
            request.Answer.TrySetCanceled();

        _watchers?.Dispose();
        _stop.Dispose();
    }

    private void OnHint()
    {
        _files.Hint();
        _hints.Writer.TryWrite(true);
    }

    private async Task RunAsync()
    {
        using var poll = _time.CreateTimer(_ => _hints.Writer.TryWrite(true), null, TimeSpan.Zero, _options.PollInterval);
        try
        {
            while (await _hints.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
            {
                _hints.Reader.TryRead(out _);
                _watchers?.Refresh();
                await LookAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed: the ordinary end.
        }
    }

    private Task<ReloadReport> Request(bool asShadow)
    {
        var request = new ReloadRequest(new(TaskCreationOptions.RunContinuationsAsynchronously), asShadow);
        if (!_requests.Writer.TryWrite(request))
            request.Answer.TrySetCanceled();

        _hints.Writer.TryWrite(true);
        return request.Answer.Task;
    }

    private Task<ShadowAnswer> RequestOfShadow(bool promote)
    {
        var answer = new TaskCompletionSource<ShadowAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_shadowRequests.Writer.TryWrite((answer, promote)))
            answer.TrySetCanceled();

        _hints.Writer.TryWrite(true);
        return answer.Task;
    }

    private void AnswerShadowRequests()
    {
        while (_shadowRequests.Reader.TryRead(out var request))
        {
            string? problem = "The target knows no shadows.";
            if (_target is IShadowTarget target)
            {
                if (request.Promote)
                    _live = target.TryPromote(out problem) ? _shadow ?? _live : _live;
                else
                    problem = target.Discard() ? null : "There is no shadow: nothing was reloaded since the last promote or discard.";
            }

            request.Answer.TrySetResult(new(problem is null, _target.Current?.Number ?? 0, problem));
        }
    }

    private async Task LookAsync()
    {
        AnswerShadowRequests();
        var requests = new List<ReloadRequest>();
        while (_requests.Reader.TryRead(out var request))
            requests.Add(request);

        var found = _time.GetTimestamp();
        var files = _files.Poll();
        var retry = IsRetryDue();
        if (requests.Count == 0 && !retry && _files.Changes(files).Count == 0)
        {
            _files.Take(files);
            return;
        }

        (files, var unsettled) = await _files.SettleAsync(files, pluginsOnly: requests.Count > 0, _stop.Token).ConfigureAwait(false);
        if (unsettled.Count > 0)
        {
            ReportUnsettled(unsettled, requests);
            return;
        }

        _unsettledReported = false;
        var changed = _files.Changes(files);

        // Remembered before the files are read: a change from here on differs from it and starts another reload.
        _files.Take(files);
        if (changed.Count == 0 && requests.Count == 0 && !retry)
            return;

        var attempt = new ReloadAttempt(_options, _source, _builder, _target, _files, _time);
        var shadow = _target.Current is not null && (_options.ReloadsAsShadow || requests.Exists(request => request.AsShadow)) ? _target as IShadowTarget : null;
        var report = attempt.Run(changed, _time.GetElapsedTime(found), _live, shadow);
        if (attempt.Picture is { } picture)
            TakePicture(picture, shadow);

        PlanRetry(attempt.MayPass);
        Tell(report, requests);
    }

    private void TakePicture(LivePicture picture, IShadowTarget? shadow)
    {
        if (shadow is not null)
        {
            _shadow = picture;
            return;
        }

        // What went live is newer than a shadow that waits.
        _live = picture;
        (_target as IShadowTarget)?.Discard();
    }

    // Three may be bad luck with the times of collections; the number is told again when it has grown.
    private ReloadReport WithPinned(ReloadReport report)
    {
        var pinned = report.EarlierGenerations.Where(generation => generation.Hold == GenerationHold.Pinned).ToList();
        if (pinned.Count < FewestPinned || pinned.Count <= _pinnedTold)
            return report;

        _pinnedTold = pinned.Count;
        var code = pinned.SelectMany(generation => generation.Code).GroupBy(name => name, StringComparer.Ordinal)
            .OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal).Take(5)
            .Select(group => $"{group.Key} ({group.Count()} times)");
        return report with
        {
            Findings =
            [
                .. report.Findings,
                new(new(string.Join(", ", _options.PolicyDirectories)), FindingSeverity.Warning, CodeFindings.GenerationsPinned,
                    $"the code of {pinned.Count} earlier generations stays in memory although nothing of this tool uses it: {string.Join(", ", code)}",
                    "look for a thread, a timer, a static event or a cache outside of the plugin that holds it; a restart gives the memory back"),
            ],
        };
    }

    private void Tell(ReloadReport result, List<ReloadRequest> requests)
    {
        var report = WithPinned(result);
        try
        {
            _listener.OnReload(report);
        }
        finally
        {
            foreach (var request in requests)
                request.Answer.TrySetResult(report);
        }
    }

    // Once for each time that somebody writes for so long; who asked is told always.
    private void ReportUnsettled(IReadOnlyList<string> unsettled, List<ReloadRequest> requests)
    {
        if (_unsettledReported && requests.Count == 0)
            return;

        _unsettledReported = true;
        Tell(
            new()
            {
                Success = false,
                Findings =
                [
                    .. unsettled.Select(path => new Finding(new(path), FindingSeverity.Error, CodeFindings.PluginUnsettled,
                        $"the plugin's file is still being written after {_options.LongestWait.TotalSeconds:0.#} s",
                        $"nothing is reloaded before it was left alone for {_options.PluginStable.TotalMilliseconds:0} ms; copy it beside the folder and rename it")),
                ],
                ChangedFiles = unsettled,
                BuildTime = TimeSpan.Zero,
                CompileTime = TimeSpan.Zero,
                CompiledScripts = 0,
                CachedScripts = 0,
                SwapTime = TimeSpan.Zero,
                SettleTime = _options.LongestWait,
                Generation = _target.Current?.Number ?? 0,
                Policies = _target.Current?.Policies.Count ?? 0,
                GenerationsAlive = _builder.GenerationsAlive,
            },
            requests);
    }

    private bool IsRetryDue() => _retryDelay > TimeSpan.Zero && _time.GetElapsedTime(_failedAt) >= _retryDelay;

    // What failed by the machine (no memory, no disk) may work later without a change of the files.
    private void PlanRetry(bool mayPass)
    {
        _failedAt = _time.GetTimestamp();
        _retryDelay = !mayPass ? TimeSpan.Zero
            : _retryDelay == TimeSpan.Zero ? _options.RetryAfter
            : _retryDelay < LongestRetry ? _retryDelay * 2 : _retryDelay;
    }

    private readonly record struct ReloadRequest(TaskCompletionSource<ReloadReport> Answer, bool AsShadow);
}
