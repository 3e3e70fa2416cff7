namespace Kvmi.Policy.Engine.Plugins;

/// <summary>What was found in the plugin directories: the usable plugins, the others with their reasons, and every file that was looked at.</summary>
/// <param name="Directories">The directories.</param>
/// <param name="Plugins">The usable plugins, ordered by id.</param>
/// <param name="Problems">What is wrong with the others.</param>
/// <param name="Probes">The load report: every file and what it turned out to be.</param>
public sealed record PluginCatalog(
    IReadOnlyList<string> Directories,
    IReadOnlyList<PluginDescription> Plugins,
    IReadOnlyList<PluginProblem> Problems,
    IReadOnlyList<PluginProbe> Probes)
{
    /// <summary>No plugins.</summary>
    public static PluginCatalog Empty { get; } = new([], [], [], []);

    /// <summary>Finds a usable plugin; null when there is none of this id.</summary>
    public PluginDescription? Find(string id) => Plugins.FirstOrDefault(plugin => plugin.Id == id);
}
