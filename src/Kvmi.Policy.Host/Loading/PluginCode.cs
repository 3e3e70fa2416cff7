using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Host.Loading;

/// <summary>How this host loads the code of plugins: for policies, for sinks and for the list of plugins alike. Another loader is a change of this line.</summary>
internal static class PluginCode
{
    /// <summary>Loads plugins; any thread.</summary>
    public static IPluginLoader Loader { get; } = new CollectiblePluginLoader();
}
