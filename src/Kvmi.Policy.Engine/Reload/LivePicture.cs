using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>
/// What a generation was made of, policy by policy, without its code: so that the next one can be compared with it long after it is gone. A change
/// since the generation that is live counts, not one since the last attempt: a policy whose tests failed is tested again whatever is saved next.
/// </summary>
internal sealed class LivePicture
{
    private readonly SortedDictionary<string, Entry> _policies = new(StringComparer.Ordinal);

    private LivePicture()
    {
    }

    /// <summary>Before the first generation.</summary>
    public static LivePicture Nothing { get; } = new();

    /// <summary>Takes the picture of a generation that was built from these files.</summary>
    public static LivePicture Of(Generation generation, PluginCatalog plugins, IReadOnlyDictionary<string, FileState> files)
    {
        var picture = new LivePicture();
        var pluginDigests = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var policy in generation.Policies)
        {
            var definition = policy.Definition;
            var parts = new List<string>
            {
                files.GetValueOrDefault(Path.GetFullPath(definition.File)).Hash ?? "",
                policy.CodeDigest,
                definition.Mode.ToString(),
                definition.Trust.ToString(),
            };
            parts.AddRange(PluginsOf(definition).Select(plugin => DigestOf(plugin, plugins, files, pluginDigests)));
            parts.AddRange(definition.Parameters.Values.Where(parameter => parameter.Source != ParameterSource.Default)
                .OrderBy(parameter => parameter.Name, StringComparer.Ordinal)
                .Select(parameter => $"{parameter.Name}={parameter.ValueText}"));
            picture._policies[definition.Id] = new(definition.Version, definition.State.KeepOnReload, string.Join('\0', parts));
        }

        return picture;
    }

    /// <summary>What is different in a later picture, ordered by policy.</summary>
    public IReadOnlyList<PolicyChange> ChangesTo(LivePicture next)
    {
        var changes = new SortedDictionary<string, PolicyChange>(StringComparer.Ordinal);
        foreach (var (id, after) in next._policies)
        {
            if (!_policies.TryGetValue(id, out var before))
                changes[id] = new(id, PolicyChangeKind.Added, null, after.Version, null);
            else if (before.Fingerprint != after.Fingerprint)
                changes[id] = new(id, PolicyChangeKind.Changed, before.Version, after.Version, before.KeepsState && after.KeepsState);
        }

        foreach (var (id, before) in _policies.Where(policy => !next._policies.ContainsKey(policy.Key)))
            changes[id] = new(id, PolicyChangeKind.Removed, before.Version, null, null);

        return [.. changes.Values];
    }

    private static IEnumerable<string> PluginsOf(PolicyDefinition definition)
    {
        var required = definition.Requires.Plugins.Order(StringComparer.Ordinal);
        return definition.Code.Plugin is { } own ? required.Prepend(own) : required;
    }

    // Its dependencies count as well: what a plugin does may lie in any of its files.
    private static string DigestOf(
        string plugin, PluginCatalog plugins, IReadOnlyDictionary<string, FileState> files, Dictionary<string, string> known)
    {
        if (known.TryGetValue(plugin, out var digest))
            return digest;

        if (plugins.Find(plugin) is not { } found)
            return "";

        var folder = Path.GetDirectoryName(Path.GetFullPath(found.MainAssemblyPath)) + Path.DirectorySeparatorChar;
        digest = string.Join(',', files.Where(file => file.Value.IsPlugin && file.Key.StartsWith(folder, StringComparison.Ordinal))
            .OrderBy(file => file.Key, StringComparer.Ordinal)
            .Select(file => file.Value.Hash)
            .Prepend(found.Sha256));
        known[plugin] = digest;
        return digest;
    }

    // A class: code for collections of other people's structs cannot be made ahead of time, and this is on the way of every start.
    private sealed record Entry(string Version, bool KeepsState, string Fingerprint);
}
