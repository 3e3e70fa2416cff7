namespace Kvmi.Policy.Engine.Plugins;

/// <summary>One file that was looked at while searching plugins.</summary>
/// <param name="Path">The file.</param>
/// <param name="Outcome">What it is, or why it is not a plugin.</param>
public sealed record PluginProbe(string Path, string Outcome);
