using System.Globalization;

namespace Kvmi.Kvm;

/// <summary>
/// The kernel refused a call of KVM. The message names the call and the error and says what to do; it is fit to be shown to the
/// user as it stands.
/// </summary>
public sealed class KvmException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="request">The call: KVM_CREATE_VM, or "open PATH".</param>
    /// <param name="errno">Linux error number.</param>
    public KvmException(string request, int errno)
        : this(request, errno, AdviceFor(request, errno))
    {
    }

    /// <summary>Makes the exception with advice of the caller's.</summary>
    /// <param name="request">The call: KVM_CREATE_VM, or "open PATH".</param>
    /// <param name="errno">Linux error number.</param>
    /// <param name="advice">What it means and what to do, a clause without final full stop.</param>
    public KvmException(string request, int errno, string advice)
        : base(string.Create(CultureInfo.InvariantCulture, $"{request} failed with {Native.Errno.NameOf(errno)} ({errno}): {advice}."))
    {
        Request = request;
        Errno = errno;
        Advice = advice;
    }

    /// <summary>The call that failed, by the name that linux/kvm.h gives it.</summary>
    public string Request { get; }

    /// <summary>Linux error number.</summary>
    public int Errno { get; }

    /// <summary>Name of the error number, such as ENOTTY.</summary>
    public string ErrnoName => Native.Errno.NameOf(Errno);

    /// <summary>What it means and what to do, a clause without final full stop.</summary>
    public string Advice { get; }

    private static string AdviceFor(string request, int errno)
    {
        ArgumentNullException.ThrowIfNull(request);
        var opening = request.StartsWith("open ", StringComparison.Ordinal);
        return errno switch
        {
            Native.Errno.NoEntry when opening =>
                "there is no such device; load the module kvm_intel or kvm_amd, and see that virtualisation is switched on in the firmware or, in a VM, that it is nested",
            Native.Errno.Access or Native.Errno.Perm when opening => "this user may not use the device; add the user to the group that owns it (often kvm) and log in again",
            Native.Errno.NoDevice or 6 when opening => "the module behind the device is not loaded or found no usable processor; load kvm_intel or kvm_amd",
            Native.Errno.TooManyFiles => "this process has too many open files; raise its limit (ulimit -n)",
            Native.Errno.TooManyFilesInSystem => "the system has too many open files; raise fs.file-max",
            Native.Errno.NoMemory => "the kernel has no memory for it; free some, or raise the limit of locked memory",
            Native.Errno.NotATerminal => "this kernel does not know the request for this kind of descriptor",
            Native.Errno.Io => "the VM belongs to another process or is dead; only the process that made a VM may use it",
            Native.Errno.Exists => "it exists already; use another number",
            Native.Errno.Busy => "something of the kind is going on already; let the vCPU run first",
            Native.Errno.Invalid => "an argument is not one that this kernel accepts; check alignment, overlap and flags",
            Native.Errno.Fault => "an address in the argument cannot be used",
            Native.Errno.TooBig => "the list does not fit; give more entries",
            _ => "the kernel gives no further reason",
        };
    }
}
