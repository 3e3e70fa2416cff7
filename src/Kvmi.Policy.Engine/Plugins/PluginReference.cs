namespace Kvmi.Policy.Engine.Plugins;

/// <summary>An assembly or native library that a plugin, or one of its private assemblies, references.</summary>
/// <param name="Name">Simple name of the assembly, or the name in the import of the native library.</param>
/// <param name="Version">The version that is asked for; null for native libraries.</param>
/// <param name="Kind">Where it comes from.</param>
/// <param name="Path">Its file; null for those of the host and the system.</param>
public sealed record PluginReference(string Name, Version? Version, PluginReferenceKind Kind, string? Path);
