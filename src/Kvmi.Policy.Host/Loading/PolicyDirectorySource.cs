using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Reload;

namespace Kvmi.Policy.Host.Loading;

/// <summary>Reads the policy files of a run anew for each reload.</summary>
/// <param name="paths">Directories of policies.</param>
/// <param name="options">How files are read.</param>
internal sealed class PolicyDirectorySource(IReadOnlyList<string> paths, PolicyLoadOptions options) : IPolicySource
{
    public PolicySourceSnapshot Read()
    {
        var set = PolicySetLoader.Load(paths, options);
        return new PolicySourceSnapshot(set.Policies, set.Findings);
    }
}
