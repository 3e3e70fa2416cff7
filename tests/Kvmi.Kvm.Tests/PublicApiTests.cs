using Kvmi.TestSupport;

namespace Kvmi.Kvm.Tests;

public class PublicApiTests
{
    [Fact]
    public void Public_api_is_the_recorded_one() => PublicApiText.AssertUnchanged(typeof(KvmException).Assembly);
}
