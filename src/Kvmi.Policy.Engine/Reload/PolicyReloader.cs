using System.Threading.Channels;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>
/// Keeps the live generation in step with the files. Changes are found by polling, sooner by a watcher's hint, or asked for
/// with <see cref="ReloadNowAsync"/>; a burst of changes is one reload, reloads run one after the other, and a change
/// during a reload starts the next one. The new generation is built completely before it goes live; whatever fails keeps
/// the one that is live.
/// </summary>
public sealed class PolicyReloader : IAsyncDisposable
{
    private readonly PolicyReloaderOptions _options;
    private readonly IPolicySource _source;
    private readonly GenerationBuilder _builder;
    private readonly IGenerationTarget _target;
    private readonly IReloadListener _listener;
    private readonly TimeProvider _time;
    private readonly FileScanner _scanner;
    private readonly Channel<TaskCompletionSource<ReloadReport>> _requests = Channel.CreateUnbounded<TaskCompletionSource<ReloadReport>>();
    private readonly Channel<bool> _hints = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly DirectoryHints? _watchers;
    private Dictionary<string, FileState> _applied = new(StringComparer.Ordinal);
    private Task? _loop;
    private int _polls;
    private bool _hinted;
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
        _scanner = new(options.PolicyDirectories, options.PluginDirectories, options.SingleFiles);
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
    public Task<ReloadReport> ReloadNowAsync()
    {
        var request = new TaskCompletionSource<ReloadReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_requests.Writer.TryWrite(request))
            request.TrySetCanceled();

        _hints.Writer.TryWrite(true);
        return request.Task;
    }

    /// <summary>Stops watching. A reload that runs is finished first; the live generation stays live.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
            return;

        _requests.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_loop is not null)
            await _loop.ConfigureAwait(false);

        while (_requests.Reader.TryRead(out var request))
            request.TrySetCanceled();

        _watchers?.Dispose();
        _stop.Dispose();
    }

    private void OnHint()
    {
        Volatile.Write(ref _hinted, true);
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

    private async Task LookAsync()
    {
        var requests = new List<TaskCompletionSource<ReloadReport>>();
        while (_requests.Reader.TryRead(out var request))
            requests.Add(request);

        var files = Scan(_applied, fullCheck: ++_polls % _options.PollsPerFullCheck == 0);
        if (requests.Count == 0)
        {
            if (FileScanner.Changes(_applied, files).Count == 0)
            {
                _applied = files;
                return;
            }

            files = await SettleAsync(files).ConfigureAwait(false);
        }

        var changed = FileScanner.Changes(_applied, files);
        if (changed.Count == 0 && requests.Count == 0)
        {
            _applied = files;
            return;
        }

        // Remembered before the files are read: a change from here on differs from it and starts another reload.
        _applied = files;
        var report = Reload(changed);
        try
        {
            _listener.OnReload(report);
        }
        finally
        {
            foreach (var request in requests)
                request.TrySetResult(report);
        }
    }

    // Waits until nothing has changed for the time that its kind of file needs.
    private async Task<Dictionary<string, FileState>> SettleAsync(Dictionary<string, FileState> files)
    {
        var started = _time.GetTimestamp();
        var before = _applied;
        var policyQuiet = started;
        var pluginQuiet = started;
        while (_time.GetElapsedTime(started) < _options.LongestWait)
        {
            var now = _time.GetTimestamp();
            foreach (var path in FileScanner.Changes(before, files))
            {
                var isPlugin = (files.TryGetValue(path, out var state) || before.TryGetValue(path, out state)) && state.IsPlugin;
                if (isPlugin)
                    pluginQuiet = now;
                else
                    policyQuiet = now;
            }

            var pluginsChanged = FileScanner.Changes(_applied, files).Exists(path =>
                (files.TryGetValue(path, out var state) || _applied.TryGetValue(path, out state)) && state.IsPlugin);
            var wait = _options.Debounce - _time.GetElapsedTime(policyQuiet, now);
            if (pluginsChanged)
                wait = Max(wait, _options.PluginStable - _time.GetElapsedTime(pluginQuiet, now));
            if (wait <= TimeSpan.Zero)
                return files;

            await Task.Delay(wait, _time, _stop.Token).ConfigureAwait(false);
            before = files;
            files = Scan(files, fullCheck: false);
        }

        return files;
    }

    // Where the watcher saw something, size and time are not trusted: a file renamed over another may have both in common.
    private Dictionary<string, FileState> Scan(Dictionary<string, FileState> known, bool fullCheck) =>
        _scanner.Scan(known, rehash: Interlocked.Exchange(ref _hinted, false) || fullCheck);

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;

    private ReloadReport Reload(List<string> changed)
    {
        var started = _time.GetTimestamp();
        var findings = new List<Finding>();
        GenerationBuildResult? built = null;
        var buildTime = TimeSpan.Zero;
        var swapTime = TimeSpan.Zero;
        var success = false;
        try
        {
            var source = _source.Read();
            findings.AddRange(source.Findings);
            if (!source.Findings.Any(finding => finding.Severity == FindingSeverity.Error))
            {
                built = _builder.Build(source.Definitions, PluginSetLoader.Discover(_options.PluginDirectories, _options.PluginRules), _target.Current);
                findings.AddRange(built.Findings);
            }

            buildTime = _time.GetElapsedTime(started);
            if (built?.Generation is { } next)
            {
                var swap = _time.GetTimestamp();
                _target.Swap(next);
                swapTime = _time.GetElapsedTime(swap);
                success = true;
            }
        }
        catch (Exception exception)
        {
            // The files and the code behind them are other people's: whatever they make the source, the builder or the target
            // throw, the loop must live and the live generation stays.
            findings.Add(new(new(string.Join(", ", _options.PolicyDirectories)), FindingSeverity.Error, CodeFindings.ReloadFailed,
                $"the reload failed with {exception.GetType().Name}: {exception.Message}", "the generation that was live stays live"));
        }

        return new()
        {
            Success = success,
            Findings = findings,
            ChangedFiles = changed,
            BuildTime = buildTime,
            CompileTime = built?.Timings.Compile ?? TimeSpan.Zero,
            CompiledScripts = built?.Timings.Compiled ?? 0,
            CachedScripts = built?.Timings.Cached ?? 0,
            SwapTime = swapTime,
            Generation = _target.Current?.Number ?? 0,
            Policies = _target.Current?.Policies.Count ?? 0,
            GenerationsAlive = _builder.GenerationsAlive,
        };
    }
}
