using Kvmi.Kvm.Devices;
using Kvmi.Kvm.Tests.Support;

namespace Kvmi.Kvm.Tests.Devices;

public class KvmSystemTests
{
    [Fact]
    public void The_interface_has_the_one_version_that_there_is()
    {
        using var system = RealKvm.Open();
        Assert.Equal(KvmSystem.ExpectedApiVersion, system.ApiVersion);
    }

    [Fact]
    public void Capabilities_are_answered_by_system_and_vm()
    {
        using var system = RealKvm.Open();
        using var vm = RealKvm.CreateVm(system);
        Assert.Equal(1, system.CheckExtension((int)KvmCapability.UserMemory));
        Assert.Equal(1, vm.CheckExtension((int)KvmCapability.UserMemory));
        Assert.Equal(0, system.CheckExtension(0x7FFF));
        Assert.InRange(system.CheckExtension((int)KvmCapability.MaxVcpus), 1, 1 << 20);
    }

    [Fact]
    public void A_missing_device_says_which_module_to_load()
    {
        var exception = Assert.Throws<KvmException>(() => KvmSystem.Open("/dev/no-such-kvm"));
        Assert.Equal("ENOENT", exception.ErrnoName);
        Assert.Contains("open /dev/no-such-kvm failed with ENOENT (2): ", exception.Message, StringComparison.Ordinal);
        Assert.Contains("kvm_intel", exception.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_is_no_kvm_is_refused_by_the_kernel()
    {
        using var system = KvmSystem.Open("/dev/null");
        var exception = Assert.Throws<KvmException>(() => system.ApiVersion);
        Assert.Equal(("KVM_GET_API_VERSION", "ENOTTY"), (exception.Request, exception.ErrnoName));
    }

    [Fact]
    public void A_second_vcpu_of_the_same_number_is_refused()
    {
        using var guest = new RealModeGuest();
        var exception = Assert.Throws<KvmException>(() => guest.Vm.CreateVcpu(0));
        Assert.Equal(("KVM_CREATE_VCPU", "EEXIST"), (exception.Request, exception.ErrnoName));
    }

    [Fact]
    public void Overlapping_memory_is_refused_and_leaves_the_vm_usable()
    {
        using var guest = new RealModeGuest(0xF4);
        Assert.Equal("EEXIST", Assert.Throws<KvmException>(() => guest.Vm.AddMemory(1, 0, 4096)).ErrnoName);
        Assert.Equal("EINVAL", Assert.Throws<KvmException>(() => guest.Vm.AddMemory(1, 0x10001, 4096)).ErrnoName);
        Assert.Equal(0x10000UL, guest.Vm.AddMemory(1, 0x10000, 4096).GuestAddress);
        Assert.Equal(Kvmi.Kvm.Running.KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
    }

    [Fact]
    public void Everything_is_closed_with_the_vm()
    {
        var guest = new RealModeGuest(0xF4);
        var vcpu = guest.Vcpu;
        var vm = guest.Vm.Handle;
        guest.Dispose();
        guest.Dispose();
        Assert.True(vm.IsClosed);
        Assert.Throws<ObjectDisposedException>(() => vcpu.Run());
        Assert.Throws<ObjectDisposedException>(() => guest.Memory.Write(0, [1]));
    }
}
