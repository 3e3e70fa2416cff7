[assembly: PolicyPlugin("leaking-event")]

namespace Kvmi.TestPlugins;

/// <summary>Leaves a handler on a static event of the framework.</summary>
public sealed class TestPolicy : PolicyBase
{
    public Decision OnCr(CrEvent e) => Allow;

    protected override void OnAttach() => AppDomain.CurrentDomain.ProcessExit += OnExit;

    private static void OnExit(object? sender, EventArgs arguments)
    {
    }
}
