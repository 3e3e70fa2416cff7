namespace Kvmi.Policy.Engine.Reload;

/// <summary>
/// The files of a reloader: which of them differ from those that were read last, and whether somebody still writes them. For one thread; only
/// <see cref="Hint"/> may come from others.
/// </summary>
internal sealed class FileWatch
{
    private readonly PolicyReloaderOptions _options;
    private readonly TimeProvider _time;
    private readonly FileScanner _scanner;
    private Dictionary<string, FileState> _read = new(StringComparer.Ordinal);
    private bool _hinted;
    private int _polls;

    public FileWatch(PolicyReloaderOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _scanner = new(options.PolicyDirectories, options.PluginDirectories, options.SingleFiles);
    }

    /// <summary>The files as they were when they were read last.</summary>
    public IReadOnlyDictionary<string, FileState> Files => _read;

    /// <summary>Something changed: size and time are not trusted the next time. A file renamed over another may have both in common.</summary>
    public void Hint() => Volatile.Write(ref _hinted, true);

    /// <summary>Looks at all files, at every so many polls at their contents too.</summary>
    public Dictionary<string, FileState> Poll() => Scan(_read, ++_polls % _options.PollsPerFullCheck == 0);

    /// <summary>What differs from the files that were read last.</summary>
    public List<string> Changes(IReadOnlyDictionary<string, FileState> files) => FileScanner.Changes(_read, files);

    /// <summary>These files are read now: a change from here on is another one.</summary>
    public void Take(Dictionary<string, FileState> files) => _read = files;

    /// <summary>True when no file has changed since they were taken.</summary>
    public bool IsCurrent() => Changes(Scan(_read, fullCheck: false)).Count == 0;

    /// <summary>
    /// Waits until nothing has changed for the time that its kind of file needs, or for the longest wait. Policies are then read as they are; a
    /// plugin that is being written then is not, because half of it may look like a whole one.
    /// </summary>
    /// <param name="files">What was seen first.</param>
    /// <param name="pluginsOnly">True: somebody asked for the policies as they are now.</param>
    /// <param name="stop">Ends the wait.</param>
    /// <returns>The files, and the plugin files among them that are still being written.</returns>
    public async Task<(Dictionary<string, FileState> Files, IReadOnlyList<string> Unsettled)> SettleAsync(
        Dictionary<string, FileState> files, bool pluginsOnly, CancellationToken stop)
    {
        var started = _time.GetTimestamp();
        var before = _read;
        var policyQuiet = started;
        var pluginQuiet = started;
        var lastPlugins = new List<string>();
        while (true)
        {
            var now = _time.GetTimestamp();
            var changes = FileScanner.Changes(before, files);
            var plugins = changes.FindAll(path => IsPlugin(path, files, before));
            if (plugins.Count > 0)
                (pluginQuiet, lastPlugins) = (now, plugins);
            if (plugins.Count < changes.Count)
                policyQuiet = now;

            var wait = pluginsOnly ? TimeSpan.Zero : _options.Debounce - _time.GetElapsedTime(policyQuiet, now);
            var pluginsChanged = FileScanner.Changes(_read, files).Exists(path => IsPlugin(path, files, _read));
            var pluginWait = pluginsChanged ? _options.PluginStable - _time.GetElapsedTime(pluginQuiet, now) : TimeSpan.Zero;
            if (wait <= TimeSpan.Zero && pluginWait <= TimeSpan.Zero)
                return (files, []);

            if (_time.GetElapsedTime(started, now) >= _options.LongestWait)
                return (files, pluginWait > TimeSpan.Zero ? lastPlugins : []);

            await Task.Delay(wait > pluginWait ? wait : pluginWait, _time, stop).ConfigureAwait(false);
            before = files;
            files = Scan(files, fullCheck: false);
        }
    }

    private static bool IsPlugin(string path, Dictionary<string, FileState> after, Dictionary<string, FileState> before) =>
        (after.TryGetValue(path, out var state) || before.TryGetValue(path, out state)) && state.IsPlugin;

    private Dictionary<string, FileState> Scan(Dictionary<string, FileState> known, bool fullCheck) =>
        _scanner.Scan(known, rehash: Interlocked.Exchange(ref _hinted, false) || fullCheck);
}
