using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>Where the sinks of plugins come from. Looks for plugins only when a sink is opened.</summary>
/// <param name="Directories">Directories of plugins.</param>
/// <param name="Rules">What plugins must satisfy.</param>
internal sealed record PluginSinks(IReadOnlyList<string> Directories, PluginRules Rules)
{
    /// <summary>A host without plugins.</summary>
    public static PluginSinks None { get; } = new([], PluginRules.None);

    /// <summary>Loads the plugin; none of its code runs yet.</summary>
    /// <exception cref="HostEnvironmentException">It cannot be loaded.</exception>
    public PluginAlertSink Load(PluginSinkTarget target)
    {
        try
        {
            return PluginAlertSink.Load(PluginSetLoader.Discover(Directories, Rules), target.Plugin, target.Class, PluginCode.Loader);
        }
        catch (PluginLoadException exception)
        {
            throw new HostEnvironmentException($"--sink plugin:{target.Plugin}/{target.Class}: {exception.Message}", exception);
        }
    }
}
