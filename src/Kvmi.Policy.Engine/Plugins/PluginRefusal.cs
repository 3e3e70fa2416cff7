namespace Kvmi.Policy.Engine.Plugins;

/// <summary>Why a file of a plugin is not used.</summary>
/// <param name="Code">Finding code.</param>
/// <param name="Reason">A clause about the file: "it ...".</param>
/// <param name="Hint">What to do.</param>
internal sealed record PluginRefusal(string Code, string Reason, string Hint);
