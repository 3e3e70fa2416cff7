using Kvmi.Kvm.Devices;

namespace Kvmi.Kvm.Tests.Support;

/// <summary>The KVM of this machine. Where there is none, or no VM can be made, the test is skipped with the kernel's reason.</summary>
internal static class RealKvm
{
    public static KvmSystem Open()
    {
        try
        {
            return KvmSystem.Open();
        }
        catch (Exception exception) when (exception is KvmException or PlatformNotSupportedException)
        {
            Assert.Skip($"This machine has no usable KVM: {exception.Message}");
            throw;
        }
    }

    public static KvmVm CreateVm(KvmSystem system)
    {
        try
        {
            return system.CreateVm();
        }
        catch (KvmException exception)
        {
            Assert.Skip($"This machine's KVM makes no VM: {exception.Message}");
            throw;
        }
    }

    /// <summary>
    /// Skips where KVM runs neither on VMX nor on SVM but in software (as on the hosts of some test machines) and lacks a part of
    /// guest debugging. With kvm_intel or kvm_amd the test goes on and fails.
    /// </summary>
    public static void SkipIfItDoesNotDebug(bool lacksIt, string what)
    {
        if (lacksIt && !Directory.Exists("/sys/module/kvm_intel") && !Directory.Exists("/sys/module/kvm_amd"))
        {
            var modules = string.Join(", ", Directory.GetDirectories("/sys/module", "kvm_*").Select(Path.GetFileName));
            Assert.Skip($"This machine's KVM ({modules}, not kvm_intel or kvm_amd) {what}.");
        }
    }
}
