using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Kvmi.Session.Endpoints;

/// <summary>
/// A Unix socket of mode 0600, or 0660 with a group of its own. The file's permissions and the credentials of who connects are the real
/// protection of the protocol (kvmi-later-dialects.md 2.3).
/// </summary>
internal sealed class UnixListener : EndpointListener
{
    private const uint OwnerOnly = 0x180;
    private const uint OwnerAndGroup = 0x1B0;
    private const int AddressLength = 110;
    private readonly FileStatus _file;

    private UnixListener(KvmiEndpoint endpoint, Socket socket, FileStatus file)
        : base(endpoint, socket) => _file = file;

    public static UnixListener OpenUnix(KvmiEndpoint endpoint, uint? group)
    {
        var path = endpoint.Path!;
        try
        {
            if (SocketDirectory.FindFlaw(path) is { } flaw)
            {
                throw new KvmiEndpointException($"Cannot listen on {endpoint}: {flaw}.");
            }

            MakeRoom(endpoint, path);
            return Bind(endpoint, path, group);
        }
        catch (SocketException exception)
        {
            throw new KvmiEndpointException($"Cannot listen on {endpoint}: {Explain(exception, path)}.", exception);
        }
    }

    protected override void RemoveTraces()
    {
        // Another tool may have taken the path over meanwhile: only our own file goes.
        try
        {
            if (NativeMethods.Status(Endpoint.Path!) is { } now && now.IsSameFile(_file))
            {
                _ = NativeMethods.Unlink(Endpoint.Path!);
            }
        }
        catch (SocketException)
        {
            // The folder can no longer be looked into, so the file in it is not ours to remove either.
        }
    }

    private static void MakeRoom(KvmiEndpoint endpoint, string path)
    {
        if (NativeMethods.Status(path) is not { } found)
        {
            return;
        }

        if (!found.IsSocket)
        {
            throw new KvmiEndpointException($"Cannot listen on {endpoint}: a file that is not a socket is in the way. Remove it or choose another path.");
        }

        // Not blocking: a live listener whose backlog is full would keep us waiting.
        using var probe = NativeMethods.Open(NativeMethods.AfUnix, NativeMethods.SockNonblock);
        var address = SocketAddress(path);
        var error = NativeMethods.Connect(probe, address, AddressLength) == 0 ? 0 : Marshal.GetLastPInvokeError();
        switch (error)
        {
            case NativeMethods.Econnrefused:
                // Nobody listens: left behind by a tool that ended without cleaning up. Only the very file that was asked goes.
                if (NativeMethods.Status(path) is { } now && now.IsSameFile(found) && NativeMethods.Unlink(path) != 0)
                {
                    throw NativeMethods.LastError();
                }

                return;
            case NativeMethods.Enoent:
                return;
            case NativeMethods.Eacces:
                throw new KvmiEndpointException(
                    $"Cannot listen on {endpoint}: a socket of another user is in the way. Remove it or choose another path.");
            default:
                throw new KvmiEndpointException(
                    $"Cannot listen on {endpoint}: another program listens there. Stop it or choose another path.");
        }
    }

    private static UnixListener Bind(KvmiEndpoint endpoint, string path, uint? group)
    {
        var handle = NativeMethods.Open(NativeMethods.AfUnix);
        var bound = false;
        try
        {
            // Linux gives the file the mode of the socket itself (less the umask), so it is private from its first instant,
            // without a change of the process-wide umask.
            if (handle.IsInvalid
                || NativeMethods.Fchmod(handle, OwnerOnly) != 0
                || NativeMethods.Bind(handle, SocketAddress(path), AddressLength) != 0)
            {
                throw NativeMethods.LastError();
            }

            bound = true;

            // Before the group may write: nobody is let in until the file is the group's. Nobody can connect either before listen.
            if (group is { } id && (NativeMethods.ChangeGroup(path, id) != 0 || NativeMethods.Chmod(path, OwnerAndGroup) != 0))
            {
                var error = NativeMethods.LastError();
                throw new KvmiEndpointException(
                    $"Cannot listen on {endpoint}: the socket cannot be given to group {id}: {error.Message}. Run as root or as a member of that group.", error);
            }

            if (NativeMethods.Listen(handle, 128) != 0 || NativeMethods.Status(path) is not { } file)
            {
                throw NativeMethods.LastError();
            }

            return new UnixListener(endpoint, new Socket(handle), file);
        }
        catch
        {
            if (bound)
            {
                _ = NativeMethods.Unlink(path);
            }

            handle.Dispose();
            throw;
        }
    }

    private static byte[] SocketAddress(string path)
    {
        var address = new byte[AddressLength];
        BitConverter.TryWriteBytes(address, (ushort)NativeMethods.AfUnix);
        Encoding.UTF8.GetBytes(path, address.AsSpan(2));
        return address;
    }

    private static string Explain(SocketException exception, string path) => exception.NativeErrorCode switch
    {
        NativeMethods.Enoent => $"the folder '{Path.GetDirectoryName(Path.GetFullPath(path))}' does not exist; create it",
        NativeMethods.Eacces => "this user may not create a file there; change the folder's permissions or choose another path",
        NativeMethods.Eaddrinuse => "another program has just taken the path; choose another one",
        _ => exception.Message,
    };
}
