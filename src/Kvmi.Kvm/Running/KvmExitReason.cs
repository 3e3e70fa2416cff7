namespace Kvmi.Kvm.Running;

/// <summary>
/// Why a vCPU left the guest, by the numbers of linux/kvm.h (KVM_EXIT_*); numbers without a name here pass through. Kernels with
/// introspection use 30 (branch kvmi-v7) or 36 (v12) for remote mapping (kvmi-later-dialects.md 2.7); stock kernels use the same
/// numbers for an MSR write and for RISC-V.
/// </summary>
public enum KvmExitReason
{
    /// <summary>The hardware left for a reason that KVM does not know.</summary>
    Unknown = 0,

    /// <summary>A port was read or written.</summary>
    Io = 2,

    /// <summary>A debugging event that was asked for.</summary>
    Debug = 4,

    /// <summary>The guest executed HLT.</summary>
    Hlt = 5,

    /// <summary>Memory that is not there was read or written.</summary>
    Mmio = 6,

    /// <summary>The guest shut down, for example by a triple fault.</summary>
    Shutdown = 8,

    /// <summary>The processor refused to enter the guest.</summary>
    FailEntry = 9,

    /// <summary>A signal arrived.</summary>
    Interrupted = 10,

    /// <summary>KVM itself failed, for example at an instruction that it cannot emulate.</summary>
    InternalError = 17,

    /// <summary>The guest asked for shutdown or reset.</summary>
    SystemEvent = 24,
}
