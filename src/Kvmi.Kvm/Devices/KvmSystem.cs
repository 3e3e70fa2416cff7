using Kvmi.Kvm.Cpuid;
using Kvmi.Kvm.Native;

namespace Kvmi.Kvm.Devices;

/// <summary>
/// The open device <c>/dev/kvm</c>. Linux on x86-64 only. Its members may be used by any thread.
/// </summary>
public sealed class KvmSystem : IDisposable
{
    /// <summary>Where the device lies.</summary>
    public const string DefaultPath = "/dev/kvm";

    /// <summary>The one version of the interface that there is (KVM_API_VERSION).</summary>
    public const int ExpectedApiVersion = 12;

    private readonly KernelDescriptor _descriptor;

    private KvmSystem(KernelDescriptor descriptor) => _descriptor = descriptor;

    /// <summary>Version of the interface, <see cref="ExpectedApiVersion"/> (KVM_GET_API_VERSION).</summary>
    /// <exception cref="KvmException">The device is no KVM.</exception>
    public int ApiVersion => KernelCall.Ioctl(_descriptor, KvmRequest.GetApiVersion);

    /// <summary>Bytes that each vCPU shares with its process (KVM_GET_VCPU_MMAP_SIZE).</summary>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public int VcpuMappingSize => KernelCall.Ioctl(_descriptor, KvmRequest.GetVcpuMmapSize);

    /// <summary>Opens the device.</summary>
    /// <param name="path">The device file.</param>
    /// <exception cref="KvmException">It is not there or not permitted; the message says what to do.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux on x86-64.</exception>
    public static KvmSystem Open(string path = DefaultPath)
    {
        ArgumentNullException.ThrowIfNull(path);
        KernelCall.RequirePlatform();
        return new KvmSystem(KernelCall.Open(path));
    }

    /// <summary>Asks for a capability of the system (KVM_CHECK_EXTENSION).</summary>
    /// <param name="capability">Its number; <see cref="KvmCapability"/> names some.</param>
    /// <returns>0 when the kernel lacks it; else 1 or a number with a meaning of its own.</returns>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public int CheckExtension(int capability) => KernelCall.Ioctl(_descriptor, KvmRequest.CheckExtension, capability);

    /// <summary>CPUID leaves that host and KVM can give a guest (KVM_GET_SUPPORTED_CPUID).</summary>
    /// <param name="firstCount">How many entries to make room for at first, 1 to 1024; more are tried as the kernel asks for them.</param>
    /// <exception cref="KvmException">The kernel refused, or wants more than 1024 entries.</exception>
    public IReadOnlyList<CpuidEntry> GetSupportedCpuid(int firstCount = CpuidTable.DefaultCount) => ReadCpuid(KvmRequest.GetSupportedCpuid, firstCount);

    /// <summary>
    /// CPUID leaves whose features KVM emulates in software where the processor lacks them (KVM_GET_EMULATED_CPUID, in the
    /// kernel since 3.13).
    /// </summary>
    /// <param name="firstCount">How many entries to make room for at first, 1 to 1024; more are tried as the kernel asks for them.</param>
    /// <exception cref="KvmException">The kernel refused, or wants more than 1024 entries.</exception>
    public IReadOnlyList<CpuidEntry> GetEmulatedCpuid(int firstCount = CpuidTable.DefaultCount) => ReadCpuid(KvmRequest.GetEmulatedCpuid, firstCount);

    /// <summary>Makes a VM without memory or vCPUs (KVM_CREATE_VM). It may be used by this process only.</summary>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public KvmVm CreateVm() => new(KernelCall.Create(_descriptor, KvmRequest.CreateVm, 0), VcpuMappingSize);

    /// <summary>Closes the device. VMs made from it live on.</summary>
    public void Dispose() => _descriptor.Dispose();

    private CpuidEntry[] ReadCpuid(KvmRequest request, int firstCount) => CpuidTable.Read(
        request.Name,
        firstCount,
        buffer => NativeMethods.Ioctl(_descriptor, request.Number, buffer) == 0 ? 0 : System.Runtime.InteropServices.Marshal.GetLastPInvokeError());
}
