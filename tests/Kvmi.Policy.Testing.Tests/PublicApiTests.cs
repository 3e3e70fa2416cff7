using Kvmi.TestSupport;

namespace Kvmi.Policy.Testing.Tests;

public class PublicApiTests
{
    [Fact]
    public void Public_api_is_the_recorded_one() => PublicApiText.AssertUnchanged(typeof(global::Kvmi.Policy.Testing.Guests.FakeVm).Assembly);
}
