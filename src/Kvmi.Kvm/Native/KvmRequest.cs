namespace Kvmi.Kvm.Native;

/// <summary>An ioctl of linux/kvm.h on x86-64: its full number, with direction and size, and its name for messages.</summary>
/// <param name="Number">The number.</param>
/// <param name="Name">The name of the header.</param>
internal readonly record struct KvmRequest(uint Number, string Name)
{
    public static readonly KvmRequest GetApiVersion = new(0xAE00, "KVM_GET_API_VERSION");
    public static readonly KvmRequest CreateVm = new(0xAE01, "KVM_CREATE_VM");
    public static readonly KvmRequest CheckExtension = new(0xAE03, "KVM_CHECK_EXTENSION");
    public static readonly KvmRequest GetVcpuMmapSize = new(0xAE04, "KVM_GET_VCPU_MMAP_SIZE");
    public static readonly KvmRequest GetSupportedCpuid = new(0xC008_AE05, "KVM_GET_SUPPORTED_CPUID");
    public static readonly KvmRequest GetEmulatedCpuid = new(0xC008_AE09, "KVM_GET_EMULATED_CPUID");
    public static readonly KvmRequest CreateVcpu = new(0xAE41, "KVM_CREATE_VCPU");
    public static readonly KvmRequest SetUserMemoryRegion = new(0x4020_AE46, "KVM_SET_USER_MEMORY_REGION");
    public static readonly KvmRequest Run = new(0xAE80, "KVM_RUN");
    public static readonly KvmRequest GetRegs = new(0x8090_AE81, "KVM_GET_REGS");
    public static readonly KvmRequest SetRegs = new(0x4090_AE82, "KVM_SET_REGS");
    public static readonly KvmRequest GetSregs = new(0x8138_AE83, "KVM_GET_SREGS");
    public static readonly KvmRequest SetSregs = new(0x4138_AE84, "KVM_SET_SREGS");
    public static readonly KvmRequest SetCpuid2 = new(0x4008_AE90, "KVM_SET_CPUID2");
    public static readonly KvmRequest SetGuestDebug = new(0x4048_AE9B, "KVM_SET_GUEST_DEBUG");
}
