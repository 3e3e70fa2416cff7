[assembly: PolicyPlugin("clean")]

namespace Kvmi.TestPlugins;

/// <summary>Holds nothing outside: it unloads.</summary>
public sealed class TestPolicy : PolicyBase
{
    public Decision OnCr(CrEvent e) => Allow;
}
