namespace Kvmi.Kvm;

/// <summary>Capabilities that can be asked with KVM_CHECK_EXTENSION, by the numbers of linux/kvm.h. Any other number may be asked too.</summary>
public enum KvmCapability
{
    /// <summary>Guest memory is given by the process.</summary>
    UserMemory = 3,

    /// <summary>KVM_SET_GUEST_DEBUG exists.</summary>
    SetGuestDebug = 23,

    /// <summary>Largest number of vCPUs of a VM.</summary>
    MaxVcpus = 66,

    /// <summary>KVM_GET_EMULATED_CPUID exists.</summary>
    EmulatedCpuid = 95,

    /// <summary>KVM_RUN heeds the immediate-exit byte.</summary>
    ImmediateExit = 136,

    /// <summary>The flags that KVM_SET_GUEST_DEBUG accepts, as a mask.</summary>
    SetGuestDebug2 = 195,
}
