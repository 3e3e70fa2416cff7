namespace Kvmi.Policy.Engine.Configuration.Site;

/// <summary>What a site says about policies that it uses unchanged, and about its VMs. Immutable.</summary>
public sealed record SiteSettings
{
    /// <summary>Nothing is said.</summary>
    public static SiteSettings None { get; } = new();

    /// <summary>By policy id.</summary>
    public IReadOnlyDictionary<string, SitePolicy> Policies { get; init; } = new Dictionary<string, SitePolicy>();

    /// <summary>VMs, in the order of the files.</summary>
    public IReadOnlyList<SiteVm> Vms { get; init; } = [];

    /// <summary>What it says about a policy; null when nothing.</summary>
    public SitePolicy? Find(string policyId) => Policies.GetValueOrDefault(policyId);

    /// <summary>Is the policy left out here?</summary>
    public bool IsDisabled(string policyId) => Find(policyId) is { Enabled: false };

    /// <summary>Name patterns of the VMs that have one of the tags.</summary>
    internal IReadOnlyList<string> NamesTagged(IReadOnlyCollection<string> tags) =>
        [.. Vms.Where(vm => vm.Tags.Any(tags.Contains)).Select(vm => vm.Name).Distinct(StringComparer.Ordinal)];
}
