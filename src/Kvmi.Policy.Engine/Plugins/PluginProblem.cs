using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>A plugin that cannot be used. It stops only the policies that need it.</summary>
/// <param name="Name">Id of the plugin as far as it is known; else the name of its folder or file.</param>
/// <param name="Finding">The reason.</param>
public sealed record PluginProblem(string Name, Finding Finding);
