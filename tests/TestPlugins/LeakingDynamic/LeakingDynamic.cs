[assembly: PolicyPlugin("leaking-dynamic")]

namespace Kvmi.TestPlugins;

/// <summary>Uses dynamic on a type of its own.</summary>
public sealed class TestPolicy : PolicyBase
{
    public Decision OnCr(CrEvent e) => Allow;

    protected override void OnAttach()
    {
        dynamic own = new Own();
        own.Number = 1;
    }

    public sealed class Own
    {
        public int Number { get; set; }
    }
}
