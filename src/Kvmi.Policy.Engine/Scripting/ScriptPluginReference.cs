namespace Kvmi.Policy.Engine.Scripting;

/// <summary>A plugin that a script is compiled against.</summary>
/// <param name="Image">The bytes of the plugin's main assembly.</param>
/// <param name="Sha256">Hash of those bytes, for the cache key.</param>
/// <param name="AssemblyName">Simple name of that assembly.</param>
internal sealed record ScriptPluginReference(byte[] Image, string Sha256, string AssemblyName);
