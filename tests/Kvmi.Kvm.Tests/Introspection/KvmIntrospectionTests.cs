using Kvmi.Kvm.Tests.Support;
using Kvmi.Protocol.Ioctls;

namespace Kvmi.Kvm.Tests.Introspection;

public class KvmIntrospectionTests
{
    public static TheoryData<IntrospectionSeries> Series => [.. Enum.GetValues<IntrospectionSeries>()];

    [Theory]
    [MemberData(nameof(Series))]
    public void A_kernel_without_the_series_says_so(IntrospectionSeries series)
    {
        using var system = RealKvm.Open();
        using var vm = RealKvm.CreateVm(system);
        if (vm.ProbeIntrospection().Series.Contains(series))
        {
            Assert.Skip($"This kernel has introspection ({series}).");
        }

        using var pair = new SocketPair();
        var exception = Assert.Throws<KvmException>(() => vm.HookIntrospection(series, pair.First.SafeHandle, Guid.NewGuid()));
        Assert.Equal(("KVM_INTROSPECTION_HOOK", "ENOTTY"), (exception.Request, exception.ErrnoName));
        Assert.StartsWith($"this kernel has no introspection of the series {series}", exception.Advice, StringComparison.Ordinal);
        Assert.False(pair.First.SafeHandle.IsClosed);
    }

    [Fact]
    public void Masks_are_for_the_series_whose_hook_carries_them()
    {
        using var system = RealKvm.Open();
        using var vm = RealKvm.CreateVm(system);
        using var pair = new SocketPair();
        Assert.Throws<ArgumentException>(() => vm.HookIntrospection(IntrospectionSeries.ListV12, pair.First.SafeHandle, Guid.Empty, commands: 1));
    }

    [Theory]
    [InlineData(1, "introspection=1")]
    [InlineData(17, "let every vCPU run once")]
    [InlineData(22, "no socket")]
    [InlineData(5, "another process")]
    public void Every_documented_refusal_says_what_to_do(int errno, string advice) =>
        Assert.Contains(advice, Kvmi.Kvm.Introspection.KvmIntrospection.Refused(IntrospectionSeries.ListV12, errno).Message, StringComparison.Ordinal);
}
