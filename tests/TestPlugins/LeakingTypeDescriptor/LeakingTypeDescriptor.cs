using System.ComponentModel;

[assembly: PolicyPlugin("leaking-type-descriptor")]

namespace Kvmi.TestPlugins;

/// <summary>Asks TypeDescriptor about a type of its own.</summary>
public sealed class TestPolicy : PolicyBase
{
    public Decision OnCr(CrEvent e) => Allow;

    protected override void OnAttach() => TypeDescriptor.GetProperties(typeof(Own));

    private sealed class Own
    {
        public int Number { get; set; }
    }
}
