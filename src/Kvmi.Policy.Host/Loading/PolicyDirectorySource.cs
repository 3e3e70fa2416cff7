using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Configuration.Site;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Loading;

/// <summary>Reads the policy files and the site files of a run anew for each reload.</summary>
/// <param name="paths">Directories of policies.</param>
/// <param name="sites">Site files.</param>
/// <param name="options">How files are read.</param>
internal sealed class PolicyDirectorySource(IReadOnlyList<string> paths, IReadOnlyList<string> sites, PolicyLoadOptions options) : IPolicySource
{
    private IReadOnlyList<SiteSink>? _opened;

    public PolicySourceSnapshot Read()
    {
        var site = SiteFileLoader.Load(sites, options.Files, SiteSinks.FindProblem);
        if (site.HasErrors)
        {
            return new PolicySourceSnapshot([], site.Findings);
        }

        // The first read is that of the start, when the sinks were opened.
        _opened ??= site.Settings.Sinks;
        var set = PolicySetLoader.Load(paths, options with { Site = site.Settings });
        return new PolicySourceSnapshot(set.Policies, [.. site.Findings, .. site.Settings.SinksThatWait(_opened), .. set.Findings]);
    }
}
