namespace Kvmi.Policy.Engine.Plugins;

/// <summary>A plugin that was found and may be loaded: what its metadata says, without any of its code loaded.</summary>
/// <param name="Id">Identity from its <see cref="PolicyPluginAttribute"/>.</param>
/// <param name="MainAssemblyPath">Full path of its main assembly.</param>
/// <param name="Version">Version of the main assembly.</param>
/// <param name="ContractVersion">Version of Kvmi.Policy.Abstractions that it was built against.</param>
/// <param name="Sha256">Hash of the main assembly, lower-case hexadecimal.</param>
public sealed record PluginDescription(string Id, string MainAssemblyPath, Version Version, Version ContractVersion, string Sha256)
{
    /// <summary>The bytes that were inspected, and that are loaded.</summary>
    internal byte[] Image { get; init; } = [];

    /// <summary>The rules that it was found under, and that hold for what it brings along.</summary>
    internal PluginRules Rules { get; init; } = PluginRules.None;

    /// <summary>Simple name of the main assembly.</summary>
    internal string AssemblyName { get; init; } = "";
}
