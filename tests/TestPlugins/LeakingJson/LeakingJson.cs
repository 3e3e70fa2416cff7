using System.Text.Json;

[assembly: PolicyPlugin("leaking-json")]

namespace Kvmi.TestPlugins;

/// <summary>Serialises a type of its own: the serialiser keeps what it knows about it (dotnet/runtime 65323).</summary>
public sealed class TestPolicy : PolicyBase
{
    public Decision OnCr(CrEvent e) => Allow;

    protected override void OnAttach() => JsonSerializer.Serialize(new Own(1));

    private sealed record Own(int Number);
}
