using System.Collections.Concurrent;
using System.Reflection;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>How a plugin is to be loaded. The names follow the options of the usual plugin-loading package, so that an adapter to it is a few lines.</summary>
public sealed record PluginLoadOptions
{
    /// <summary>Full path of the plugin's main assembly.</summary>
    public required string MainAssemblyPath { get; init; }

    /// <summary>
    /// The bytes of the main assembly that were inspected. A loader that reads the file itself must make sure that it got the
    /// same bytes.
    /// </summary>
    public required ReadOnlyMemory<byte> MainAssemblyImage { get; init; }

    /// <summary>Types whose assemblies are the host's own for the plugin too: the contract.</summary>
    public required IReadOnlyList<Type> SharedTypes { get; init; }

    /// <summary>True: an assembly that the host has too is taken from the host; false: the plugin's private copy wins.</summary>
    public bool PreferSharedTypes { get; init; }

    /// <summary>True: files are read, never mapped, so that they can be replaced while in use.</summary>
    public bool LoadInMemory { get; init; } = true;

    /// <summary>True: disposing the plugin unloads it.</summary>
    public bool IsUnloadable { get; init; } = true;

    /// <summary>
    /// Rules for every file that is loaded with the plugin. <see cref="MainAssemblyImage"/> has passed them; a loader that does not take private
    /// dependencies as <see cref="CollectiblePluginLoader"/> does must check those itself.
    /// </summary>
    public PluginRules Rules { get; init; } = PluginRules.None;

    /// <summary>What was read and checked so far, by path: what is checked is what is loaded, whatever becomes of the files meanwhile.</summary>
    internal ConcurrentDictionary<string, byte[]> Images { get; } = new(StringComparer.Ordinal);

    /// <summary>Assembly names of <see cref="SharedTypes"/>.</summary>
    internal IReadOnlyDictionary<string, Assembly> SharedAssemblies() => SharedTypes
        .Select(type => type.Assembly).Distinct().ToDictionary(assembly => assembly.GetName().Name!, StringComparer.OrdinalIgnoreCase);
}
