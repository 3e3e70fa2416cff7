using System.Net.Sockets;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>Stands between a guest and its host and can hold back what the guest says: to the host, the guest has stopped answering.</summary>
internal sealed class Relay : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ManualResetEventSlim _open = new(initialState: true);
    private readonly string _host;

    /// <summary>Listens for the guest.</summary>
    /// <param name="path">Path of the guest's socket.</param>
    /// <param name="host">Path of the host's.</param>
    public Relay(string path, string host)
    {
        _host = host;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        new Thread(Accept) { IsBackground = true }.Start();
    }

    /// <summary>Nothing of the guest's passes any more.</summary>
    public void Hold() => _open.Reset();

    /// <summary>Everything passes again.</summary>
    public void Release() => _open.Set();

    public void Dispose()
    {
        _open.Set();
        _listener.Dispose();
    }

    private static void Pump(Socket from, Socket to, ManualResetEventSlim? gate)
    {
        var buffer = new byte[65536];
        try
        {
            while (from.Receive(buffer) is var count and > 0)
            {
                gate?.Wait();
                to.Send(buffer.AsSpan(0, count));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side is gone: so is the other, below.
        }

        from.Dispose();
        to.Dispose();
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var guest = _listener.Accept();
                var host = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    host.Connect(new UnixDomainSocketEndPoint(_host));
                }
                catch (SocketException)
                {
                    // No host is there; the guest tries again.
                    host.Dispose();
                    guest.Dispose();
                    continue;
                }

                new Thread(() => Pump(guest, host, _open)) { IsBackground = true }.Start();
                new Thread(() => Pump(host, guest, null)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test has ended.
            return;
        }
    }
}
