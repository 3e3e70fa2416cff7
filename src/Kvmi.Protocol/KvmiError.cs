namespace Kvmi.Protocol;

/// <summary>
/// Error codes of KVMI replies: zero or a negative number in the first four payload bytes
/// (kvmi-later-dialects.md 3.1). The wire may carry values that are not named here.
/// </summary>
public enum KvmiError
{
    /// <summary>The command was carried out.</summary>
    None = 0,

    /// <summary>KVM_EPERM: the administrator of the VM forbids the command or the event.</summary>
    NotPermitted = -1,

    /// <summary>KVM_ENOENT: no such guest page, leaf, or (outside the v7 dialect) command id.</summary>
    NoEntry = -2,

    /// <summary>KVM_E2BIG.</summary>
    TooBig = -7,

    /// <summary>KVM_EAGAIN: the vCPU is not initialised yet; ask again.</summary>
    TryAgain = -11,

    /// <summary>KVM_ENOMEM.</summary>
    NoMemory = -12,

    /// <summary>KVM_EACCES.</summary>
    AccessDenied = -13,

    /// <summary>KVM_EFAULT.</summary>
    Fault = -14,

    /// <summary>KVM_EBUSY: another injection, debugger or pause request is in the way.</summary>
    Busy = -16,

    /// <summary>KVM_EINVAL: a number, size, flag or padding that the command does not take.</summary>
    InvalidArgument = -22,

    /// <summary>KVM_EOPNOTSUPP: known command, not possible here or now.</summary>
    NotSupported = -95,

    /// <summary>KVM_ENOSYS: unknown message id.</summary>
    NoSuchCommand = -1000,
}
