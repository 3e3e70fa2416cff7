[assembly: PolicyPlugin("leaking-thread")]

namespace Kvmi.TestPlugins;

/// <summary>Starts a thread that does not end.</summary>
public sealed class TestPolicy : PolicyBase
{
    public Decision OnCr(CrEvent e) => Allow;

    protected override void OnAttach() => new Thread(Wait) { IsBackground = true }.Start();

    private static void Wait() => new ManualResetEventSlim().Wait();
}
