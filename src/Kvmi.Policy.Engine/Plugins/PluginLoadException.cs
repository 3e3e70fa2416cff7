namespace Kvmi.Policy.Engine.Plugins;

/// <summary>A plugin, or something that it references, cannot be loaded.</summary>
public sealed class PluginLoadException : Exception
{
    /// <summary>Names the plugin file, every probed path, and the reason.</summary>
    public PluginLoadException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>A file of the plugin is refused.</summary>
    internal PluginLoadException(string message, PluginRefusal refusal)
        : base(message) => Refusal = refusal;

    /// <summary>What refused it; null for anything else.</summary>
    internal PluginRefusal? Refusal { get; }
}
