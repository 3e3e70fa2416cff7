using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>spec.requires, completed with what subscriptions and watches need anyway.</summary>
internal static class RequirementsSection
{
    public static PolicyRequirements Read(PolicyContext context, IReadOnlyList<PolicySubscription> subscriptions, IReadOnlyList<PolicyWatch> watches)
    {
        var requires = context.Spec["requires"];
        var commands = ReadCommands(requires?["commands"]);
        var optional = ReadCommands(requires?["optional"]);
        foreach (var (command, reason) in Needed(subscriptions, watches))
        {
            if (optional.Contains(command))
            {
                context.Findings.Error(
                    requires!["optional"]!, FindingCodes.RequirementMismatch, $"The command {NameOf(command)} is not optional: {reason} need it.", "move it to commands");
            }
            else if (!commands.Contains(command))
            {
                if (requires?["commands"] is { } node)
                {
                    context.Findings.Warning(node, FindingCodes.RequirementMismatch, $"The command {NameOf(command)} is missing here, and {reason} need it; it counts as required.", "add it");
                }

                commands.Add(command);
            }
        }

        return new PolicyRequirements
        {
            Dialects = ReadDialects(requires?["dialect"]),
            Commands = commands,
            OptionalCommands = optional,
            Events = [.. (requires?["events"]?.Items ?? []).Select(node => PolicyEvents.Find(node.Text)!.Kind).Distinct()],
            OtherGuests = GuestSection.Read(context, requires?["guest"]),
            Plugins = [.. Plugins(requires).Select(plugin => plugin.Id).Distinct(StringComparer.Ordinal)],
            PluginDigests = ReadDigests(context, requires),
            PluginVersions = ReadVersions(context, requires),
        };
    }

    /// <summary>The command's name in policy files: control-cr.</summary>
    internal static string NameOf(CommandKind command)
    {
        var name = command.ToString();
        return string.Concat(name.Select((letter, index) => char.IsUpper(letter) && index > 0 ? $"-{char.ToLowerInvariant(letter)}" : char.ToLowerInvariant(letter).ToString()));
    }

    // An item is an id, or a map of id and sha256.
    private static IEnumerable<(string Id, YamlNode? Digest)> Plugins(YamlNode? requires) =>
        (requires?["plugins"]?.Items ?? []).Select(node => node["id"] is { } id ? (id.Text, node["sha256"]) : (node.Text, null));

    private static Dictionary<string, string> ReadDigests(PolicyContext context, YamlNode? requires)
    {
        var digests = new Dictionary<string, string>(StringComparer.Ordinal);
        var script = context.Spec["script"];
        foreach (var (id, node) in Plugins(requires).Append((script?["plugin"]?.Text ?? "", script?["sha256"])))
        {
            if (node is null || id.Length == 0)
                continue;

            var digest = node.Text.ToLowerInvariant();
            if (!digests.TryAdd(id, digest) && digests[id] != digest)
                context.Findings.Error(node, FindingCodes.DuplicateName, $"The plugin '{id}' has two digests in this policy.", "a plugin is one file: keep one of them");
        }

        return digests;
    }

    // The schema has checked the form.
    private static Dictionary<string, Version> ReadVersions(PolicyContext context, YamlNode? requires)
    {
        var versions = new Dictionary<string, Version>(StringComparer.Ordinal);
        foreach (var node in (requires?["plugins"]?.Items ?? []).Where(node => node["version"] is not null))
        {
            var (id, version) = (node["id"]!.Text, Version.Parse(node["version"]!.Text));
            if (!versions.TryAdd(id, version) && versions[id] != version)
                context.Findings.Error(node, FindingCodes.DuplicateName, $"The plugin '{id}' has two versions in this policy.", "keep the higher one");
        }

        return versions;
    }

    // The schema has checked the names; a test holds it against the dialects that are built.
    private static IReadOnlyList<KvmiDialect> ReadDialects(YamlNode? node)
    {
        IEnumerable<string> names = node is null ? [] : node.Items.Count > 0 ? node.Items.Select(item => item.Text) : [node.Text];
        return [.. names.Select(name => Dialect.All.First(dialect => dialect.Name == name).Id).Distinct()];
    }

    private static List<CommandKind> ReadCommands(YamlNode? node) =>
        [.. (node?.Items ?? []).Select(item => Enum.Parse<CommandKind>(item.Text.Replace("-", "", StringComparison.Ordinal), ignoreCase: true)).Distinct()];

    private static IEnumerable<(CommandKind Command, string Reason)> Needed(IReadOnlyList<PolicySubscription> subscriptions, IReadOnlyList<PolicyWatch> watches)
    {
        yield return (CommandKind.ControlEvents, "subscriptions");
        if (subscriptions.Any(subscription => subscription.Event == EventKind.Cr))
        {
            yield return (CommandKind.ControlCr, "subscriptions to cr");
        }

        if (subscriptions.Any(subscription => subscription.Event == EventKind.Msr))
        {
            yield return (CommandKind.ControlMsr, "subscriptions to msr");
        }

        if (watches.Count > 0)
        {
            yield return (CommandKind.SetPageAccess, "watches");
        }
    }
}
