using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Findings;

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

    /// <summary>Sinks of alerts, in the order of the files.</summary>
    public IReadOnlyList<SiteSink> Sinks { get; init; } = [];

    /// <summary>The files, as findings show them.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>What it says about a policy; null when nothing.</summary>
    public SitePolicy? Find(string policyId) => Policies.GetValueOrDefault(policyId);

    /// <summary>Is the policy left out here?</summary>
    public bool IsDisabled(string policyId) => Find(policyId) is { Enabled: false };

    /// <summary>Sinks are opened when a run begins: a warning for each of these settings that the run does not have, and for those that it has still.</summary>
    /// <param name="opened">What the run has opened.</param>
    public IReadOnlyList<Finding> SinksThatWait(IReadOnlyList<SiteSink> opened)
    {
        ArgumentNullException.ThrowIfNull(opened);
        var before = opened.Select(sink => sink.Text).ToHashSet(StringComparer.Ordinal);
        var now = Sinks.Select(sink => sink.Text).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. Sinks.Where(sink => !before.Contains(sink.Text)).Select(sink => Waits(sink, "is not open yet")),
            .. opened.Where(sink => !now.Contains(sink.Text)).Select(sink => Waits(sink with { Location = sink.Location with { Line = 0, Column = 0 } }, "is no longer asked for, and still open")),
        ];
    }

    private static Finding Waits(SiteSink sink, string what) => new(
        sink.Location, FindingSeverity.Warning, FindingCodes.SinkWaitsForRestart, $"The sink {Quoting.Quote(sink.Text)} {what}: sinks are opened when the host starts.", "restart the host");

    /// <summary>Name patterns of the VMs that have one of the tags.</summary>
    internal IReadOnlyList<string> NamesTagged(IReadOnlyCollection<string> tags) =>
        [.. Vms.Where(vm => vm.Tags.Any(tags.Contains)).Select(vm => vm.Name).Distinct(StringComparer.Ordinal)];
}
