namespace Kvmi.Simulator.Kernel.Hooking;

/// <summary>Error numbers of the ioctls, as Linux numbers them (kvmi-later-dialects.md 2.7; rfc-v5 5.1, 5.2 and 6.3).</summary>
internal enum IoctlError
{
    /// <summary>It was done.</summary>
    None = 0,

    /// <summary>EPERM: introspection is switched off, or what may not be forbidden was to be forbidden.</summary>
    NotPermitted = 1,

    /// <summary>ENOENT: the tool did not ask for the UNHOOK event, or nothing is mapped there.</summary>
    NoEntry = 2,

    /// <summary>EINTR: a fatal signal ended the wait.</summary>
    Interrupted = 4,

    /// <summary>EAGAIN: the host could not do it just now.</summary>
    Again = 11,

    /// <summary>EFAULT: nothing is hooked, or a bad pointer.</summary>
    Fault = 14,

    /// <summary>EEXIST: the VM is introspected already, or the vCPUs have not left the last hook yet.</summary>
    Exists = 17,

    /// <summary>EINVAL: no socket, padding that is not zero, an unknown id.</summary>
    InvalidArgument = 22,

    /// <summary>ENOTTY: no such ioctl.</summary>
    NotThisDevice = 25,

    /// <summary>EALREADY: mapped already.</summary>
    Already = 114,
}
