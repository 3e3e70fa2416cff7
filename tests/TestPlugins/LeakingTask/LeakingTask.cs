[assembly: PolicyPlugin("leaking-task")]

namespace Kvmi.TestPlugins;

/// <summary>Starts a task that does not end.</summary>
public sealed class TestPolicy : PolicyBase
{
    public Decision OnCr(CrEvent e) => Allow;

    protected override void OnAttach() => _ = Task.Factory.StartNew(Wait, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static void Wait() => new ManualResetEventSlim().Wait();
}
