using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kvmi.Session.Endpoints;

/// <summary>Which users may connect to a Unix socket: root, the user of this process, and those that were named. Immutable.</summary>
internal sealed class PeerCredentialRule
{
    private const int Length = 12;
    private readonly HashSet<uint> _users;

    public PeerCredentialRule(IEnumerable<uint> allowed) => _users = [0, NativeMethods.EffectiveUser(), .. allowed];

    /// <summary>Asks the kernel who connected and whether that user may.</summary>
    /// <param name="socket">A connected Unix socket.</param>
    /// <param name="who">Who it is.</param>
    /// <exception cref="SocketException">The kernel does not say; the peer must be closed.</exception>
    public bool Admits(Socket socket, out PeerCredentials who)
    {
        // struct ucred: pid, uid, gid.
        Span<byte> value = stackalloc byte[Length];
        uint length = Length;
        if (NativeMethods.GetSocketOption(socket.SafeHandle, NativeMethods.SolSocket, NativeMethods.SoPeerCred, value, ref length) != 0)
        {
            throw NativeMethods.LastError();
        }

        who = new PeerCredentials(
            MemoryMarshal.Read<int>(value), MemoryMarshal.Read<uint>(value[4..]), MemoryMarshal.Read<uint>(value[8..]));
        return length == Length && _users.Contains(who.User);
    }
}
