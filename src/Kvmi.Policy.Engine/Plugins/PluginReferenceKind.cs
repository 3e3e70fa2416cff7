namespace Kvmi.Policy.Engine.Plugins;

/// <summary>Where something that a plugin references comes from.</summary>
public enum PluginReferenceKind
{
    /// <summary>The contract or the protocol: the host's own, for every plugin the same.</summary>
    Shared,

    /// <summary>An assembly of the plugin's folder, loaded for this plugin alone.</summary>
    Private,

    /// <summary>The framework, or an assembly of the host.</summary>
    Host,

    /// <summary>A native library of the plugin's folder.</summary>
    Native,

    /// <summary>A native library that the plugin's folder does not have: the system is asked for it at its first call.</summary>
    System,
}
