using System.Buffers.Binary;
using System.Net.Sockets;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>Stands between one guest and its host, passes everything on and keeps it.</summary>
internal sealed class WireRecorder : IDisposable
{
    private const int HeaderLength = 8;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly MemoryStream _ofGuest = new();
    private readonly MemoryStream _ofHost = new();
    private readonly Task _passed;

    /// <summary>Listens for the guest.</summary>
    /// <param name="path">Path of the guest's socket.</param>
    /// <param name="host">Path of the host's.</param>
    public WireRecorder(string path, string host)
    {
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
        _passed = PassAsync(host);
    }

    /// <summary>The messages of both sides, without the handshake, once both have gone.</summary>
    public async Task<(List<byte[]> OfGuest, List<byte[]> OfHost)> TakeAsync()
    {
        await _passed.WaitAsync(TimeSpan.FromSeconds(90));
        return (Split(_ofGuest.ToArray()), Split(_ofHost.ToArray()));
    }

    public void Dispose() => _listener.Dispose();

    // Both parts of the handshake begin with their own length, later messages with id, length and sequence number.
    private static List<byte[]> Split(ReadOnlySpan<byte> bytes)
    {
        var messages = new List<byte[]>();
        bytes = bytes[BinaryPrimitives.ReadInt32LittleEndian(bytes)..];
        while (bytes.Length >= HeaderLength)
        {
            var length = HeaderLength + BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]);
            messages.Add(bytes[..length].ToArray());
            bytes = bytes[length..];
        }

        Assert.True(bytes.IsEmpty, "the connection ended within a message");
        return messages;
    }

    private static async Task PumpAsync(Socket from, Socket to, MemoryStream copy)
    {
        var buffer = new byte[65536];
        try
        {
            while (await from.ReceiveAsync(buffer) is var count and > 0)
            {
                copy.Write(buffer, 0, count);
                await to.SendAsync(buffer.AsMemory(0, count));
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // One side has gone: so does the other.
            from.Close();
            to.Close();
        }
        catch (ObjectDisposedException)
        {
            return;
        }
    }

    private async Task PassAsync(string path)
    {
        using var guest = await _listener.AcceptAsync();
        using var host = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await host.ConnectAsync(new UnixDomainSocketEndPoint(path));
        await Task.WhenAll(PumpAsync(guest, host, _ofGuest), PumpAsync(host, guest, _ofHost));
    }
}
