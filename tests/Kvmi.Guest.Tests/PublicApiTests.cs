using Kvmi.TestSupport;

namespace Kvmi.Guest.Tests;

public class PublicApiTests
{
    [Fact]
    public void Public_api_is_the_recorded_one() => PublicApiText.AssertUnchanged(typeof(global::Kvmi.Guest.Paging.PageWalker).Assembly);
}
