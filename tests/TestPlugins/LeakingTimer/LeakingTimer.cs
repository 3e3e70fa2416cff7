[assembly: PolicyPlugin("leaking-timer")]

namespace Kvmi.TestPlugins;

/// <summary>Leaves a timer running.</summary>
public sealed class TestPolicy : PolicyBase
{
    public Decision OnCr(CrEvent e) => Allow;

    private static Timer? _timer;

    protected override void OnAttach() => _timer = new Timer(_ => OnTick(), null, TimeSpan.FromDays(1), TimeSpan.FromDays(1));

    private static void OnTick()
    {
    }
}
