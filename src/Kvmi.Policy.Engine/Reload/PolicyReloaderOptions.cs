using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>What is watched, and how patiently.</summary>
public sealed record PolicyReloaderOptions
{
    /// <summary>Directories with policy files and scripts.</summary>
    public required IReadOnlyList<string> PolicyDirectories { get; init; }

    /// <summary>Directories with plugins.</summary>
    public IReadOnlyList<string> PluginDirectories { get; init; } = [];

    /// <summary>Rules for the plugins' files.</summary>
    public PluginRules PluginRules { get; init; } = PluginRules.None;

    /// <summary>
    /// Runs the tests of the policies that a reload adds or changes, before they go live; the first load is not tested, because nothing would stay
    /// live instead. Null: no tests.
    /// </summary>
    public IReloadTests? Tests { get; init; }

    /// <summary>Further files that the policy source reads, such as the site's. They are polled.</summary>
    public IReadOnlyList<string> SingleFiles { get; init; } = [];

    /// <summary>
    /// True: a new generation does not go live, but runs as shadow until <see cref="PolicyReloader.PromoteAsync"/>, except the first. The target must
    /// be an <see cref="Shadow.IShadowTarget"/>.
    /// </summary>
    public bool ReloadsAsShadow { get; init; }

    /// <summary>How often all files are looked at, whatever the watcher says.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long policy files must be unchanged before they are read.</summary>
    public TimeSpan Debounce { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long plugin files must be unchanged before they are read: copying takes longer than saving.</summary>
    public TimeSpan PluginStable { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// After this long without a quiet moment policies are read as they are; a half-written one is then an error that keeps
    /// the old generation. A plugin that is still being written then is reported, and waited for.
    /// </summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A reload that failed by an exception (no memory, no disk) is tried again after this time although no file changed; each time after twice
    /// as long, up to 5 minutes.
    /// </summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Every so many polls all contents are hashed again, for changes that leave size and time as they were.</summary>
    public int PollsPerFullCheck { get; init; } = 10;

    /// <summary>False: only polling.</summary>
    public bool UseWatcher { get; init; } = true;
}
