namespace Kvmi.Policy.Engine.Reload;

/// <summary>
/// One recursive file watcher per root, as a hint that something changed. It may miss anything (symbolic links, overlay and
/// bind mounts, overflow, a root that is made anew); polling finds what it missed. A watcher that broke is made again.
/// </summary>
internal sealed class DirectoryHints : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Root> _roots = new(StringComparer.Ordinal);
    private readonly Action _changed;
    private readonly Action<string> _problem;
    private bool _disposed;

    public DirectoryHints(IEnumerable<string> directories, Action changed, Action<string> problem)
    {
        _changed = changed;
        _problem = problem;
        foreach (var directory in directories)
            _roots.TryAdd(Path.GetFullPath(directory), new());
    }

    /// <summary>True when a watcher lost events, or its directory, and was not made anew yet.</summary>
    public bool HasBroken
    {
        get
        {
            lock (_gate)
            {
                return _roots.Values.Any(root => root.Broken);
            }
        }
    }

    /// <summary>Makes the watchers that are missing or stand on a directory that was replaced. Called at each poll.</summary>
    public void Refresh()
    {
        lock (_gate)
        {
            if (_disposed)
                return;

            foreach (var (path, root) in _roots)
                Refresh(path, root);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (var root in _roots.Values)
                root.Drop();
        }
    }

    private void Refresh(string path, Root root)
    {
        var exists = Directory.Exists(path);
        var identity = exists ? Directory.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName + Directory.GetCreationTimeUtc(path).Ticks : "";
        if (root.Watcher is not null && !root.Broken && root.Identity == identity)
            return;

        root.Drop();
        if (!exists)
            return;

        try
        {
            var watcher = new FileSystemWatcher(path, "*") { IncludeSubdirectories = true };
            watcher.Changed += (_, _) => _changed();
            watcher.Created += (_, _) => _changed();
            watcher.Deleted += (_, _) => _changed();
            watcher.Renamed += (_, _) => _changed();
            watcher.Error += (_, _) =>
            {
                root.Broken = true;
                _changed();
            };
            watcher.EnableRaisingEvents = true;
            root.Watcher = watcher;
            root.Identity = identity;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            if (!root.Reported)
                _problem($"{path} cannot be watched ({exception.Message}); it is polled");

            root.Reported = true;
        }
    }

    private sealed class Root
    {
        private volatile bool _broken;

        public FileSystemWatcher? Watcher { get; set; }

        public string Identity { get; set; } = "";

        public bool Reported { get; set; }

        public bool Broken
        {
            get => _broken;
            set => _broken = value;
        }

        public void Drop()
        {
            Watcher?.Dispose();
            Watcher = null;
            _broken = false;
        }
    }
}
