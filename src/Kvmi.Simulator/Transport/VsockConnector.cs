using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kvmi.Simulator.Transport;

/// <summary>Connects an AF_VSOCK stream socket. The managed socket class cannot create one but can use one that exists.</summary>
internal static partial class VsockConnector
{
    private const int AfVsock = 40;
    private const int SockStream = 1;
    private const int SockCloseOnExec = 0x80000;

    /// <summary>Connects; blocks.</summary>
    /// <exception cref="SocketException">No vsock here, or nobody listens.</exception>
    public static Socket Connect(uint cid, uint port)
    {
        var descriptor = OpenSocket(AfVsock, SockStream | SockCloseOnExec, 0);
        if (descriptor < 0)
        {
            throw Failure();
        }

        var handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        try
        {
            // struct sockaddr_vm: family u16, reserved u16, port u32, cid u32, flags u8, zero[3].
            Span<byte> address = stackalloc byte[16];
            address.Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(address, AfVsock);
            BinaryPrimitives.WriteUInt32LittleEndian(address[4..], port);
            BinaryPrimitives.WriteUInt32LittleEndian(address[8..], cid);
            if (ConnectSocket(handle, address, address.Length) < 0)
            {
                throw Failure();
            }

            return new Socket(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static SocketException Failure()
    {
        var error = Marshal.GetLastPInvokeError();
        return new SocketException((int)SocketError.SocketError, $"vsock: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int OpenSocket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int ConnectSocket(SafeSocketHandle socket, ReadOnlySpan<byte> address, int length);
}
