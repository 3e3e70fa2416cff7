[assembly: PolicyPlugin("leaking-async-local")]

namespace Kvmi.TestPlugins;

/// <summary>Sets an AsyncLocal on the thread of somebody else.</summary>
public sealed class TestPolicy : PolicyBase
{
    public Decision OnCr(CrEvent e) => Allow;

    private static readonly AsyncLocal<Own> Local = new();

    protected override void OnAttach() => Local.Value = new Own();

    private sealed class Own;
}
