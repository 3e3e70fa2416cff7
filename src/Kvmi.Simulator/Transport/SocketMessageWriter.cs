using System.Net.Sockets;

namespace Kvmi.Simulator.Transport;

/// <summary>
/// Sends each message with one call; tools give up when the body of an event does not follow its header at once
/// (kvmi-later-dialects.md 7.1: 150 ms). A full socket buffer blocks, as in the kernel.
/// </summary>
internal sealed class SocketMessageWriter(Socket socket) : IMessageWriter
{
    public bool Write(ReadOnlySpan<byte> message)
    {
        try
        {
            while (message.Length > 0)
            {
                var sent = socket.Send(message, SocketFlags.None, out var error);
                if (error != SocketError.Success || sent <= 0)
                {
                    return false;
                }

                message = message[sent..];
            }

            return true;
        }
        catch (ObjectDisposedException)
        {
            // Another thread closed the connection between two messages: the same as a failed send.
            return false;
        }
    }
}
