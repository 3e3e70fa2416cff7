namespace Kvmi.Policy.Engine.Plugins;

/// <summary>An assembly of a plugin, as it was read and checked.</summary>
/// <param name="Name">Simple name.</param>
/// <param name="Path">Where it was read.</param>
/// <param name="Image">Its bytes.</param>
internal sealed record PluginAssembly(string Name, string Path, byte[] Image);
