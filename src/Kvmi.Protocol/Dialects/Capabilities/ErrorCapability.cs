namespace Kvmi.Protocol.Dialects.Capabilities;

/// <summary>An error code of command replies.</summary>
/// <param name="Error">What it says; its number is that on the wire.</param>
/// <param name="Name">Name in the protocol documents (kvmi-later-dialects.md 3.1).</param>
public readonly record struct ErrorCapability(KvmiError Error, string Name)
{
    /// <summary>All codes: the same in every dialect (rfc-v5 1.11, kvmi-later-dialects.md 3.1).</summary>
    public static IReadOnlyList<ErrorCapability> All { get; } =
    [
        new(KvmiError.NotPermitted, "KVM_EPERM"),
        new(KvmiError.NoEntry, "KVM_ENOENT"),
        new(KvmiError.TooBig, "KVM_E2BIG"),
        new(KvmiError.TryAgain, "KVM_EAGAIN"),
        new(KvmiError.NoMemory, "KVM_ENOMEM"),
        new(KvmiError.AccessDenied, "KVM_EACCES"),
        new(KvmiError.Fault, "KVM_EFAULT"),
        new(KvmiError.Busy, "KVM_EBUSY"),
        new(KvmiError.InvalidArgument, "KVM_EINVAL"),
        new(KvmiError.NotSupported, "KVM_EOPNOTSUPP"),
        new(KvmiError.NoSuchCommand, "KVM_ENOSYS"),
    ];
}
