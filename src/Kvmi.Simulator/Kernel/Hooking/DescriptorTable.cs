using System.Net.Sockets;
using Kvmi.Simulator.Transport;

namespace Kvmi.Simulator.Kernel.Hooking;

/// <summary>
/// The open descriptors of the device manager, as far as a HOOK can name them. The numbers are this table's own: they say which socket is
/// meant, as the real ones would. Any thread.
/// </summary>
internal sealed class DescriptorTable
{
    private const int FirstDescriptor = 3;
    private readonly Lock _gate = new();
    private readonly Dictionary<int, OpenSocket> _open = [];
    private int _next = FirstDescriptor;

    /// <summary>Opens a descriptor for a connected socket.</summary>
    /// <param name="socket">The socket; whoever hooks it disposes of it.</param>
    /// <param name="writer">The way of messages into it.</param>
    public int Add(Socket socket, IMessageWriter writer)
    {
        lock (_gate)
        {
            var descriptor = _next++;
            _open.Add(descriptor, new OpenSocket(socket, writer));
            return descriptor;
        }
    }

    /// <summary>Closes a descriptor. A hook that took the socket keeps it.</summary>
    public void Remove(int descriptor)
    {
        lock (_gate)
        {
            _open.Remove(descriptor);
        }
    }

    /// <summary>Finds what a descriptor stands for.</summary>
    /// <returns>False when it is no open socket.</returns>
    public bool TryGet(int descriptor, out OpenSocket socket)
    {
        lock (_gate)
        {
            return _open.TryGetValue(descriptor, out socket);
        }
    }

    /// <summary>A connected socket and the way of messages into it.</summary>
    internal readonly record struct OpenSocket(Socket Socket, IMessageWriter Writer);
}
