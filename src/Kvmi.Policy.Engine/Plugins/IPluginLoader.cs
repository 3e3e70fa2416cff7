namespace Kvmi.Policy.Engine.Plugins;

/// <summary>Loads the code of plugins. The default is <see cref="CollectiblePluginLoader"/>.</summary>
public interface IPluginLoader
{
    /// <summary>Loads a plugin and checks that everything it references can be found.</summary>
    /// <exception cref="PluginLoadException">It cannot be loaded; the message names the files that were tried and why each was refused.</exception>
    ILoadedPlugin Load(PluginLoadOptions options);
}
