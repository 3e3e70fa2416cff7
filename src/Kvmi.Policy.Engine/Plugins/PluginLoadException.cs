using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;

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

    /// <summary>The finding about a plugin that could not be loaded.</summary>
    internal static Finding ToFinding(PluginDescription plugin, Exception exception)
    {
        var refusal = (exception as PluginLoadException)?.Refusal;
        return new(new(plugin.MainAssemblyPath), FindingSeverity.Error, refusal?.Code ?? CodeFindings.PluginLoad,
            $"plugin '{plugin.Id}': {exception.Message}", refusal?.Hint ?? "copy all files of the plugin's build output");
    }
}
