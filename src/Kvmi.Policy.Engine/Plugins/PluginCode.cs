namespace Kvmi.Policy.Engine.Plugins;

/// <summary>The main assembly of a plugin as bytes, for checks that read its code and do not run it.</summary>
/// <param name="Path">Its file, for findings.</param>
/// <param name="Image">Its bytes.</param>
/// <param name="ReadSymbols">Its portable PDB, or null; asked for only when there is something to show.</param>
internal sealed record PluginCode(string Path, byte[] Image, Func<byte[]?> ReadSymbols);
