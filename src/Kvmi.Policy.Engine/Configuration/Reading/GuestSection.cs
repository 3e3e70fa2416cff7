using Kvmi.Policy.Engine.Configuration.Site;
using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>
/// spec.requires.guest. KVM introspection does not tell which system runs in a guest; the site does, and the policy is refused for
/// VMs of another one. A VM of which the site says nothing is taken as it is.
/// </summary>
internal static class GuestSection
{
    /// <summary>The site's VMs that are of another kind, with the reason.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Read(PolicyContext context, YamlNode? guest) =>
        [.. Others(context, guest, "os", vm => vm.System), .. Others(context, guest, "profile", vm => vm.Profile)];

    private static IEnumerable<KeyValuePair<string, string>> Others(
        PolicyContext context, YamlNode? guest, string key, Func<SiteVm, string?> said)
    {
        if (guest?[key] is not { } node)
        {
            return [];
        }

        string[] wanted = node.Kind == YamlNodeKind.Sequence ? [.. node.Items.Select(item => item.Text)] : [node.Text];
        var known = context.Options.Site.Vms.Where(vm => said(vm) is not null).ToArray();
        if (known.Length == 0)
        {
            context.Findings.Warning(
                node,
                FindingCodes.GuestUnknown,
                $"The policy is for guests with {key} {string.Join(" or ", wanted)}; it cannot be checked, for the site says the {key} of no VM.",
                $"say {key} under vms in a site file (--site)");
        }

        return known
            .Where(vm => !wanted.Contains(said(vm), StringComparer.OrdinalIgnoreCase))
            .Select(vm => KeyValuePair.Create(
                vm.Name,
                $"it is written for guests with {key} {string.Join(" or ", wanted)} (requires.guest), and the site says that this one has {said(vm)}."));
    }
}
