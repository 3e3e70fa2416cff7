using System.Runtime.InteropServices;
using Kvmi.Kvm.Native;

namespace Kvmi.Kvm.Descriptors;

/// <summary>What the kernel says of a socket, getsockopt(2).</summary>
internal static partial class SocketOptions
{
    /// <summary>AF_UNIX.</summary>
    public const int Unix = 1;

    /// <summary>SOCK_STREAM.</summary>
    public const int Stream = 1;

    private const int SolSocket = 1;
    private const int SoType = 3;
    private const int SoPeerCredentials = 17;
    private const int SoDomain = 39;

    /// <summary>Address family; null for a descriptor that is no socket.</summary>
    public static int? Domain(SafeHandle descriptor) => Number(descriptor, SoDomain);

    /// <summary>Kind; null for a descriptor that is no socket.</summary>
    public static int? Type(SafeHandle descriptor) => Number(descriptor, SoType);

    /// <summary>Who is at the other end.</summary>
    /// <exception cref="DescriptorChannelException">The kernel does not say.</exception>
    public static PeerCredentials Peer(SafeHandle socket)
    {
        var credentials = default(PeerRecord);
        var bytes = MemoryMarshal.AsBytes(new Span<PeerRecord>(ref credentials));
        var length = (uint)bytes.Length;
        if (GetSocketOption(socket, SolSocket, SoPeerCredentials, bytes, ref length) != 0 || length != bytes.Length)
        {
            throw new DescriptorChannelException(
                $"The kernel does not say who is at the other end of the socket: {Errno.NameOf(Marshal.GetLastPInvokeError())}.");
        }

        // A socket that is not connected has no peer: process 0.
        return credentials.Process == 0
            ? throw new DescriptorChannelException("The socket is not connected to a process of this machine.")
            : new PeerCredentials(credentials.Process, credentials.User, credentials.Group);
    }

    private static int? Number(SafeHandle descriptor, int option)
    {
        var value = 0;
        var length = (uint)sizeof(int);
        return GetSocketOption(descriptor, SolSocket, option, MemoryMarshal.AsBytes(new Span<int>(ref value)), ref length) == 0 ? value : null;
    }

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(SafeHandle socket, int level, int option, Span<byte> value, ref uint length);

    // struct ucred.
    [StructLayout(LayoutKind.Sequential)]
    private struct PeerRecord
    {
        public int Process;
        public uint User;
        public uint Group;
    }
}
