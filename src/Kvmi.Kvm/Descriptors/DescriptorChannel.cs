using System.Net.Sockets;
using System.Runtime.InteropServices;
using Kvmi.Kvm.Native;

namespace Kvmi.Kvm.Descriptors;

/// <summary>
/// Passes open descriptors between two processes over a connected Unix stream socket (SCM_RIGHTS). The peer is checked when the
/// channel is made; every descriptor that arrives is close-on-exec, and closed again when it was not asked for. One thread at a
/// time sends, one receives.
/// </summary>
public sealed class DescriptorChannel
{
    /// <summary>Most descriptors in one message.</summary>
    public const int MaxDescriptors = 16;

    private readonly Socket _socket;
    private readonly TimeProvider _time;

    /// <summary>Makes a channel on a socket.</summary>
    /// <param name="socket">A connected Unix stream socket. Stays owned by the caller.</param>
    /// <param name="time">Clock of the time limits.</param>
    /// <param name="allowedUsers">Effective user ids that the peer may have; null for this process's own and root.</param>
    /// <exception cref="DescriptorChannelException">The socket is no connected Unix stream socket, or the peer is another user.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux on x86-64.</exception>
    public DescriptorChannel(Socket socket, TimeProvider time, IReadOnlyCollection<uint>? allowedUsers = null)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(time);
        KernelCall.RequirePlatform();
        _socket = socket;
        _time = time;
        if (SocketOptions.Domain(socket.SafeHandle) != SocketOptions.Unix || SocketOptions.Type(socket.SafeHandle) != SocketOptions.Stream)
        {
            throw new DescriptorChannelException("Descriptors pass over a Unix stream socket only; this socket is another one.");
        }

        Peer = SocketOptions.Peer(socket.SafeHandle);
        IReadOnlyCollection<uint> allowed = allowedUsers ?? [NativeMethods.EffectiveUser(), 0];
        if (!allowed.Contains(Peer.User))
        {
            throw new DescriptorChannelException(
                $"The peer (process {Peer.Process}) is user {Peer.User}; descriptors are exchanged with user {string.Join(" or ", allowed.Distinct())} only.");
        }
    }

    /// <summary>Who is at the other end.</summary>
    public PeerCredentials Peer { get; }

    /// <summary>Sends bytes and, with the first of them, descriptors.</summary>
    /// <param name="payload">At least one byte: the kernel passes no descriptors without.</param>
    /// <param name="descriptors">1 to <see cref="MaxDescriptors"/>. Stay owned by the caller; the peer gets copies.</param>
    /// <param name="limit">How long it may take altogether.</param>
    /// <exception cref="ArgumentException">The payload is empty, or the number of descriptors is out of range.</exception>
    /// <exception cref="DescriptorChannelException">The peer has gone or takes nothing.</exception>
    public void Send(ReadOnlySpan<byte> payload, IReadOnlyList<SafeHandle> descriptors, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(descriptors);
        ArgumentOutOfRangeException.ThrowIfZero(payload.Length, nameof(payload));
        ArgumentOutOfRangeException.ThrowIfZero(descriptors.Count, nameof(descriptors));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Count, MaxDescriptors, nameof(descriptors));
        var started = _time.GetTimestamp();
        var held = new List<SafeHandle>(descriptors.Count);
        try
        {
            Span<int> numbers = stackalloc int[descriptors.Count];
            for (var i = 0; i < numbers.Length; i++)
            {
                var added = false;
                descriptors[i].DangerousAddRef(ref added);
                held.Add(descriptors[i]);
                numbers[i] = (int)descriptors[i].DangerousGetHandle();
            }

            var sent = 0;
            while (sent < payload.Length)
            {
                Wait(SelectMode.SelectWrite, started, limit, "take");
                sent += ControlMessage.Send(_socket.SafeHandle, payload[sent..], sent == 0 ? numbers : []);
            }
        }
        finally
        {
            held.ForEach(handle => handle.DangerousRelease());
        }
    }

    /// <summary>Receives exactly so many bytes and, with them, exactly so many descriptors.</summary>
    /// <param name="payload">Filled completely; at least one byte.</param>
    /// <param name="count">Descriptors expected, 0 to <see cref="MaxDescriptors"/>.</param>
    /// <param name="limit">How long it may take altogether.</param>
    /// <returns>The descriptors in the order in which they were sent; the caller disposes of them.</returns>
    /// <exception cref="ArgumentException">The payload is empty, or the number of descriptors is out of range.</exception>
    /// <exception cref="DescriptorChannelException">
    /// Another number of descriptors came, the peer closed or was too slow. All descriptors that came are closed.
    /// </exception>
    public IReadOnlyList<SafeHandle> Receive(Span<byte> payload, int count, TimeSpan limit)
    {
        ArgumentOutOfRangeException.ThrowIfZero(payload.Length, nameof(payload));
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxDescriptors);
        var started = _time.GetTimestamp();
        var received = new List<KernelDescriptor>();
        try
        {
            var have = 0;
            while (have < payload.Length)
            {
                Wait(SelectMode.SelectRead, started, limit, "send");
                if (ControlMessage.Receive(_socket.SafeHandle, payload[have..], received, out var isCut) is not { } bytes)
                {
                    continue;
                }

                // A cut message has lost descriptors: the kernel has closed those that did not fit.
                if (isCut || received.Count > count)
                {
                    throw new DescriptorChannelException($"The peer sent more than the {count} descriptors that were expected; all of them are closed.");
                }

                have += bytes > 0
                    ? bytes
                    : throw new DescriptorChannelException($"The peer closed the socket after {have} of {payload.Length} bytes.");
            }

            return received.Count == count
                ? [.. received]
                : throw new DescriptorChannelException($"The peer sent {received.Count} descriptors, {count} were expected.");
        }
        catch
        {
            received.ForEach(descriptor => descriptor.Dispose());
            throw;
        }
    }

    private void Wait(SelectMode mode, long started, TimeSpan limit, string what)
    {
        var left = limit - _time.GetElapsedTime(started);
        if (left <= TimeSpan.Zero || !_socket.Poll(left, mode))
        {
            throw new DescriptorChannelException($"The peer did not {what} the message within {limit.TotalSeconds:0.###} s.");
        }
    }
}
