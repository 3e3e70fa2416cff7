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
    /// <summary>Further files that the policy source reads, such as the site's. They are polled.</summary>
    public IReadOnlyList<string> SingleFiles { get; init; } = [];

    /// <summary>How often all files are looked at, whatever the watcher says.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long policy files must be unchanged before they are read.</summary>
    public TimeSpan Debounce { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long plugin files must be unchanged before they are read: copying takes longer than saving.</summary>
    public TimeSpan PluginStable { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// After this long without a quiet moment the files are read as they are; a half-written one is then an error that keeps
    /// the old generation.
    /// </summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Every so many polls all contents are hashed again, for changes that leave size and time as they were.</summary>
    public int PollsPerFullCheck { get; init; } = 10;

    /// <summary>False: only polling.</summary>
    public bool UseWatcher { get; init; } = true;
}
