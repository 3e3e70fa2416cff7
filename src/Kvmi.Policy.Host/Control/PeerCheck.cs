using System.Net.Sockets;
using System.Runtime.InteropServices;
using Kvmi.Policy.Host.Doctor;

namespace Kvmi.Policy.Host.Control;

/// <summary>
/// Who is at the other end of a control connection. The socket's mode keeps others out already; this holds where somebody changed the mode,
/// and over a descriptor that was handed on.
/// </summary>
internal static class PeerCheck
{
    // SOL_SOCKET, SO_PEERCRED, struct ucred { pid, uid, gid } of Linux; unix(7).
    private const int SocketLevel = 1;
    private const int PeerCredentials = 17;

    /// <summary>The user id of the peer of a Unix socket, as it was at connect; null when the kernel does not tell.</summary>
    public static uint? UserOf(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12];
        try
        {
            return socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials) == credentials.Length
                ? MemoryMarshal.Read<uint>(credentials[4..])
                : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>True for this process's own user and for root.</summary>
    public static bool IsAllowed(uint? user) => IsAllowed(user, HostCalls.EffectiveUser());

    internal static bool IsAllowed(uint? user, uint own) => user is { } given && (given == own || given == 0);
}
