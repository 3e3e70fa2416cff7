using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Tags of VMs, which only the site knows.</summary>
internal static class VmTags
{
    /// <summary>Name patterns of the site's VMs that have one of the tags; null when no tag is asked for.</summary>
    /// <param name="context">The file.</param>
    /// <param name="nodes">A tag, or a list of them; null when the key is absent.</param>
    public static IReadOnlyList<string>? Resolve(PolicyContext context, params YamlNode?[] nodes)
    {
        var tags = nodes.OfType<YamlNode>().SelectMany(node => node.Kind == YamlNodeKind.Sequence ? node.Items : [node]).ToArray();
        if (nodes.All(node => node is null))
        {
            return null;
        }

        var site = context.Options.Site;
        foreach (var tag in tags.Where(tag => !site.Vms.Any(vm => vm.Tags.Contains(tag.Text))))
        {
            context.Findings.Warning(
                tag,
                FindingCodes.VmTagUnknown,
                $"No VM of the site has the tag {Quoting.Quote(tag.Text)}: this holds for none.",
                Spelling.Closest(tag.Text, [.. site.Vms.SelectMany(vm => vm.Tags).Distinct(StringComparer.Ordinal)]) is { } meant
                    ? $"did you mean '{meant}'?"
                    : "say it under vms in a site file (--site)");
        }

        return site.NamesTagged([.. tags.Select(tag => tag.Text)]);
    }
}
