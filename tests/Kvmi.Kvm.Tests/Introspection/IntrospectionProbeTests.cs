using Kvmi.Kvm.Introspection;
using Kvmi.Kvm.Tests.Support;
using Kvmi.Protocol.Ioctls;

namespace Kvmi.Kvm.Tests.Introspection;

public class IntrospectionProbeTests
{
    private const int Perm = 1;
    private const int Invalid = 22;
    private const int NotATerminal = 25;

    [Fact]
    public void A_stock_kernel_has_none_whatever_its_capabilities_say()
    {
        // What 6.18 on x86-64 answers.
        var found = IntrospectionProbe.Judge(number => number is 184 or 206 ? 1 : 0, _ => NotATerminal);
        Assert.False(found.IsPresent);
        Assert.Equal([179, 180, 184, 193, 206, 999], found.Capabilities.Select(answer => answer.Number));
        Assert.Equal("KVM_CAP_LAST_CPU", found.Capabilities.Single(answer => answer.Number == 184).StockName);
        Assert.Null(found.Capabilities.Single(answer => answer.Number == 999).StockName);
    }

    [Fact]
    public void A_very_old_stock_kernel_says_EINVAL_and_has_none() =>
        Assert.False(IntrospectionProbe.Judge(_ => 0, _ => Invalid).IsPresent);

    [Theory]
    [InlineData(IntrospectionSeries.RfcV5, 999)]
    [InlineData(IntrospectionSeries.ListV7, 179)]
    [InlineData(IntrospectionSeries.ListV8, 180)]
    [InlineData(IntrospectionSeries.ListV9, 184)]
    [InlineData(IntrospectionSeries.ListV11, 193)]
    [InlineData(IntrospectionSeries.ListV12, 206)]
    public void A_patched_kernel_is_told_by_its_hook_number_and_capability(IntrospectionSeries series, int capability)
    {
        var found = IntrospectionProbe.Judge(number => number == capability ? 1 : 0, Patched(series, Invalid));
        Assert.Equal([series], found.Series);
        Assert.False(found.IsSwitchedOff);
    }

    [Fact]
    public void The_community_kernel_and_v6_share_a_hook_number_and_the_capability_tells_them_apart()
    {
        Assert.Equal([IntrospectionSeries.BranchV7], IntrospectionProbe.Judge(number => number == 180 ? 1 : 0, Patched(IntrospectionSeries.BranchV7, Invalid)).Series);
        Assert.Equal(
            [IntrospectionSeries.ListV6, IntrospectionSeries.BranchV7],
            IntrospectionProbe.Judge(number => number == 999 ? 1 : 0, Patched(IntrospectionSeries.ListV6, Invalid)).Series);
    }

    [Fact]
    public void A_kernel_that_refuses_the_hook_has_introspection_switched_off()
    {
        var found = IntrospectionProbe.Judge(number => number == 206 ? 1 : 0, Patched(IntrospectionSeries.ListV12, Perm));
        Assert.Equal([IntrospectionSeries.ListV12], found.Series);
        Assert.True(found.IsSwitchedOff);
    }

    [Fact]
    public void A_switched_off_kernel_without_the_capability_is_still_found()
    {
        var found = IntrospectionProbe.Judge(_ => 0, Patched(IntrospectionSeries.ListV12, Perm));
        Assert.Equal([IntrospectionSeries.ListV11, IntrospectionSeries.ListV12], found.Series);
    }

    [Fact]
    public void The_capabilities_of_this_machine_are_reported_as_the_kernel_answers_them()
    {
        using var system = RealKvm.Open();
        using var vm = RealKvm.CreateVm(system);
        var found = vm.ProbeIntrospection();
        Assert.All(found.Capabilities, answer => Assert.Equal(vm.CheckExtension(answer.Number), answer.Value));
    }

    private static Func<IntrospectionIoctls, int> Patched(IntrospectionSeries series, int errno) =>
        ioctls => ioctls.Hook == IntrospectionIoctls.Of(series).Hook ? errno : NotATerminal;
}
