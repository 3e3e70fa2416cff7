using System.Net.Sockets;

namespace Kvmi.Simulator.Tests;

/// <summary>Two ends of one Unix connection.</summary>
internal static class ConnectedPair
{
    public static (Socket Kernel, Socket Tool) Create()
    {
        var path = Path.Combine(Path.GetTempPath(), $"kvmi-{Guid.NewGuid():n}");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        try
        {
            var kernel = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            kernel.Connect(new UnixDomainSocketEndPoint(path));
            return (kernel, listener.Accept());
        }
        finally
        {
            File.Delete(path);
        }
    }
}
