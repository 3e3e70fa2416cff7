using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Plugins;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Generations;

public sealed class ShippedPoliciesTests
{
    [Fact]
    public void Every_shipped_policy_compiles_with_the_shipped_plugins()
    {
        var set = PolicySetLoader.Load([Path.Combine(AppContext.BaseDirectory, "policies")], PolicyLoadOptions.Default);
        var plugins = PluginSetLoader.Discover([Path.Combine(AppContext.BaseDirectory, "plugins")]);
        var result = Builder().Build(set.Policies, plugins, null);
        Assert.Empty(result.Findings);
        Assert.Equal(set.Files.Count, result.Generation!.Policies.Count);
        Assert.Contains(result.Generation.Policies, policy => policy.Definition.Code.Plugin == "process-census");
    }
}
