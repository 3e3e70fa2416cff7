using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Model;

/// <summary>What the VM and the host must offer; a miss refuses the policy for that VM with the reason.</summary>
public sealed record PolicyRequirements
{
    /// <summary>Dialects for which it was written; empty: any.</summary>
    public IReadOnlyList<KvmiDialect> Dialects { get; init; } = [];

    /// <summary>Commands without which the policy does not work.</summary>
    public IReadOnlyList<CommandKind> Commands { get; init; } = [];

    /// <summary>Commands that it can do without.</summary>
    public IReadOnlyList<CommandKind> OptionalCommands { get; init; } = [];

    /// <summary>Events without which it does not work; the events of its subscriptions count without being listed.</summary>
    public IReadOnlyList<EventKind> Events { get; init; } = [];

    /// <summary>VMs of the site, by name pattern, for which it is not written, with the reason: their system or profile is another one.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> OtherGuests { get; init; } = [];

    /// <summary>Plugins whose services the script uses.</summary>
    public IReadOnlyList<string> Plugins { get; init; } = [];

    /// <summary>
    /// The builds that the policy is pinned to, by plugin id: SHA-256 of the main assembly, lower-case hexadecimal. From <c>requires.plugins</c>
    /// and from <c>script.sha256</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> PluginDigests { get; init; } = new Dictionary<string, string>();

    /// <summary>The least version of a plugin, by plugin id: of the same major version, this one or a later one will do.</summary>
    public IReadOnlyDictionary<string, Version> PluginVersions { get; init; } = new Dictionary<string, Version>();
}
