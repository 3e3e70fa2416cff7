using System.Net.Sockets;

namespace Kvmi.Session.Endpoints;

/// <summary>A vsock port on every context id of this machine (kvmi-later-dialects.md 2.6). .NET does not know the address family.</summary>
internal sealed class VsockListener : EndpointListener
{
    private const int AddressLength = 16;

    private VsockListener(KvmiEndpoint endpoint, Socket socket)
        : base(endpoint, socket)
    {
    }

    public static VsockListener OpenVsock(KvmiEndpoint endpoint)
    {
        var handle = NativeMethods.Open(NativeMethods.AfVsock);
        try
        {
            // struct sockaddr_vm: family u16, reserved u16, port u32, cid u32 (all ones: any), flags and zeros.
            var address = new byte[AddressLength];
            BitConverter.TryWriteBytes(address, (ushort)NativeMethods.AfVsock);
            BitConverter.TryWriteBytes(address.AsSpan(4), endpoint.Port);
            BitConverter.TryWriteBytes(address.AsSpan(8), uint.MaxValue);
            if (handle.IsInvalid
                || NativeMethods.Bind(handle, address, AddressLength) != 0
                || NativeMethods.Listen(handle, 128) != 0)
            {
                throw NativeMethods.LastError();
            }

            return new VsockListener(endpoint, new Socket(handle));
        }
        catch (SocketException exception)
        {
            handle.Dispose();
            throw new KvmiEndpointException($"Cannot listen on {endpoint}: {Explain(exception)}.", exception);
        }
    }

    private static string Explain(SocketException exception) => exception.NativeErrorCode switch
    {
        NativeMethods.Eafnosupport or NativeMethods.Enodev => "this kernel has no vsock; load the module vsock (and vhost_vsock on a host), or listen on a Unix socket",
        NativeMethods.Eaddrinuse => "another program listens there; stop it or choose another port",
        NativeMethods.Eacces => "this user may not use that port; choose one above 1023",
        _ => exception.Message,
    };
}
