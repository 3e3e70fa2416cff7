using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kvmi.Kvm.Tests.Support;

/// <summary>Two connected Unix sockets, socketpair(2).</summary>
internal sealed partial class SocketPair : IDisposable
{
    private const int AfUnix = 1;

    public SocketPair(int type = 1)
    {
        Span<int> descriptors = stackalloc int[2];
        Assert.Equal(0, Create(AfUnix, type | 0x80000, 0, descriptors));
        First = new Socket(new SafeSocketHandle(descriptors[0], true));
        Second = new Socket(new SafeSocketHandle(descriptors[1], true));
    }

    public Socket First { get; }

    public Socket Second { get; }

    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int Create(int domain, int type, int protocol, Span<int> descriptors);
}
