namespace Kvmi.Policy.Engine.Plugins;

/// <summary>One reference of an assembly.</summary>
internal readonly record struct AssemblyReferenceName(string Name, Version Version);
