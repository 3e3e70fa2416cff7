using Kvmi.TestSupport;

namespace Kvmi.Policy.Tests;

public sealed class PublicApiTests
{
    [Fact]
    public void Public_api_is_the_recorded_one() => PublicApiText.AssertUnchanged(typeof(PolicyBase).Assembly);
}
