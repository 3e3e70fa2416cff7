using Kvmi.Protocol.Dialects;
using Kvmi.TestSupport;

namespace Kvmi.Protocol.Tests;

public sealed class PublicApiTests
{
    [Fact]
    public void Public_api_is_the_recorded_one() => PublicApiText.AssertUnchanged(typeof(Dialect).Assembly);

    [Fact]
    public void Rendering_names_types_members_and_modifiers()
    {
        var text = PublicApiText.Render(typeof(Dialect).Assembly);
        Assert.Contains("Kvmi.Protocol.EventAction : enum of System.Byte\n", text, StringComparison.Ordinal);
        Assert.Contains("Kvmi.Protocol.EventAction :: Retry = 1\n", text, StringComparison.Ordinal);
        Assert.Contains("Kvmi.Protocol.Events.EventFrame : readonly ref struct\n", text, StringComparison.Ordinal);
        Assert.Contains("Kvmi.Protocol.Dialects.Dialect :: abstract System.Int32 MaxPayload { get; }\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("V7Dialect", text, StringComparison.Ordinal);
    }
}
