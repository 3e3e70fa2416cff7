namespace Kvmi.Kvm.Native;

/// <summary>The Linux error numbers that the calls of this project give, with their names.</summary>
internal static class Errno
{
    public const int Perm = 1;
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int Io = 5;
    public const int TooBig = 7;
    public const int BadDescriptor = 9;
    public const int Again = 11;
    public const int NoMemory = 12;
    public const int Access = 13;
    public const int Fault = 14;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int NoDevice = 19;
    public const int Invalid = 22;
    public const int TooManyFilesInSystem = 23;
    public const int TooManyFiles = 24;
    public const int NotATerminal = 25;

    /// <summary>ENOTTY and the like; the bare number where the name is not known here.</summary>
    public static string NameOf(int errno) => errno switch
    {
        Perm => "EPERM",
        NoEntry => "ENOENT",
        Interrupted => "EINTR",
        Io => "EIO",
        6 => "ENXIO",
        TooBig => "E2BIG",
        BadDescriptor => "EBADF",
        Again => "EAGAIN",
        NoMemory => "ENOMEM",
        Access => "EACCES",
        Fault => "EFAULT",
        Busy => "EBUSY",
        Exists => "EEXIST",
        NoDevice => "ENODEV",
        20 => "ENOTDIR",
        21 => "EISDIR",
        Invalid => "EINVAL",
        TooManyFilesInSystem => "ENFILE",
        TooManyFiles => "EMFILE",
        NotATerminal => "ENOTTY",
        28 => "ENOSPC",
        32 => "EPIPE",
        38 => "ENOSYS",
        88 => "ENOTSOCK",
        90 => "EMSGSIZE",
        95 => "EOPNOTSUPP",
        104 => "ECONNRESET",
        105 => "ENOBUFS",
        107 => "ENOTCONN",
        109 => "ETOOMANYREFS",
        _ => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"errno {errno}"),
    };
}
