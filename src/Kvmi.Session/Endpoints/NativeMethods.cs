using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kvmi.Session.Endpoints;

/// <summary>
/// The Linux calls that .NET does not offer: the mode of a Unix socket before it is bound, vsock, and what a path is.
/// Constants are those of the x86-64 and arm64 Linux headers.
/// </summary>
internal static partial class NativeMethods
{
    public const int AfUnix = 1;
    public const int AfVsock = 40;
    public const int SockStream = 1;
    public const int SockCloexec = 0x80000;
    public const int SockNonblock = 0x800;
    public const int Eintr = 4;
    public const int Enoent = 2;
    public const int Eagain = 11;
    public const int Eacces = 13;
    public const int Enodev = 19;
    public const int Eaddrinuse = 98;
    public const int Eafnosupport = 97;
    public const int Econnrefused = 111;

    public const int SolSocket = 1;
    public const int SoPeerCred = 17;
    public const int MsgDontWait = 0x40;

    private const int AtFdCwd = -100;
    private const int AtSymlinkNoFollow = 0x100;
    private const uint StatxTypeModeOwnerInode = 0x1 | 0x2 | 0x8 | 0x10 | 0x100;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    public static partial int Fchmod(SafeHandle descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(SafeHandle socket, ReadOnlySpan<byte> address, uint length);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(SafeHandle socket, ReadOnlySpan<byte> address, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    public static partial int Listen(SafeHandle socket, int backlog);

    [LibraryImport("libc", EntryPoint = "unlink", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int Unlink(string path);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(SafeHandle socket, Span<byte> buffer, nuint length, int flags);

    /// <summary>Accepts one connection.</summary>
    /// <exception cref="SocketException">The call failed.</exception>
    public static SafeSocketHandle Accept(SafeHandle listener)
    {
        int descriptor;
        do
        {
            descriptor = Accept4(listener, 0, 0, SockCloexec);
        }
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == Eintr);
        return descriptor < 0 ? throw LastError() : new SafeSocketHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Opens a socket that the caller owns; an invalid handle on failure, with the reason in the last error.</summary>
    /// <param name="family">Address family.</param>
    /// <param name="flags">Flags of the type argument besides close-on-exec.</param>
    public static SafeSocketHandle Open(int family, int flags = 0) => new(Socket(family, SockStream | SockCloexec | flags, 0), ownsHandle: true);

    /// <summary>What lies at a path; null when nothing does.</summary>
    /// <param name="path">The path.</param>
    /// <param name="followLinks">True: what a link at the end of the path leads to; false: the link.</param>
    /// <exception cref="SocketException">The path cannot be looked at.</exception>
    public static FileStatus? Status(string path, bool followLinks = false)
    {
        Span<byte> buffer = stackalloc byte[256];
        buffer.Clear();
        if (Statx(AtFdCwd, path, followLinks ? 0 : AtSymlinkNoFollow, StatxTypeModeOwnerInode, buffer) != 0)
        {
            return Marshal.GetLastPInvokeError() == Enoent ? null : throw LastError();
        }

        // struct statx: the same offsets on every architecture.
        return new FileStatus(
            MemoryMarshal.Read<ushort>(buffer[28..]), MemoryMarshal.Read<ulong>(buffer[32..]), MemoryMarshal.Read<ulong>(buffer[136..]),
            MemoryMarshal.Read<uint>(buffer[20..]), MemoryMarshal.Read<uint>(buffer[24..]));
    }

    /// <summary>The last error as an exception whose message is the system's.</summary>
    public static SocketException LastError()
    {
        var code = Marshal.GetLastPInvokeError();
        return new SocketException(code, Marshal.GetPInvokeErrorMessage(code));
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "getegid")]
    public static partial uint EffectiveGroup();

    /// <summary>Gives a file to another group and leaves its owner.</summary>
    public static int ChangeGroup(string path, uint group) => Lchown(path, uint.MaxValue, group);

    [LibraryImport("libc", EntryPoint = "chmod", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int Chmod(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetSocketOption(SafeHandle socket, int level, int option, Span<byte> value, ref uint length);

    [LibraryImport("libc", EntryPoint = "lchown", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Lchown(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int Accept4(SafeHandle listener, nint address, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> buffer);
}
