using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Trust;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Rules for the files that are loaded.</summary>
/// <param name="Plugins">Those of plugins.</param>
/// <param name="Ownership">Who may be able to change policies; null: not checked.</param>
internal sealed record FileRules(PluginRules Plugins, FileOwnership? Ownership);
