using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>Runs the tests that policies bring, before these policies go live.</summary>
public interface IReloadTests
{
    /// <summary>
    /// Runs the tests of the policies that a reload adds or changes. Called on the reloader's thread, one call at a time, while the policies before
    /// them decide. Must come back: code under test that does not is given up.
    /// </summary>
    /// <param name="policies">Whose tests are run.</param>
    /// <param name="set">All policies that would go live.</param>
    /// <param name="plugins">The plugins as they would go live.</param>
    /// <returns>What became of them; one that failed, or did not end, refuses the reload.</returns>
    ReloadTestResult Run(IReadOnlyList<PolicyDefinition> policies, IReadOnlyList<PolicyDefinition> set, PluginCatalog plugins);
}
