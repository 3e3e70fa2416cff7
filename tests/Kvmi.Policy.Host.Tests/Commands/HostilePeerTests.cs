using System.Net.Sockets;

namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class HostilePeerTests
{
    public static TheoryData<string, byte[]> Hellos => new()
    {
        { "nothing", [] },
        { "half a size", [0x60, 0] },
        { "a size beyond all bounds", [0xff, 0xff, 0xff, 0xff] },
        { "a size of zero", [0, 0, 0, 0] },
        { "half a hello", [0x60, 0, 0, 0, 1, 2, 3] },
        { "text", [.. "GET / HTTP/1.1\r\n\r\n"u8] },
    };

    [Fact]
    public async Task Truncated_oversized_and_hanging_peers_do_not_disturb_the_others()
    {
        using var directory = new TestDirectory();
        await using var host = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--json", "--log-level", "off");
        await host.WaitForLineAsync("\"listening\"");
        List<Socket> hanging = [];
        foreach (var row in Hellos)
        {
            var bytes = row.Data.Item2;
            hanging.Add(Connect(directory, bytes));
            using var closing = Connect(directory, bytes);
        }

        // A peer that shakes hands and then sends a message that announces more than it sends.
        var lying = Connect(directory, Hello());
        Assert.Equal(24, lying.Receive(new byte[24]));
        lying.Send([2, 0, 0xff, 0xff, 1, 0, 0, 0, 1]);
        hanging.Add(lying);

        var guest = (await CommandProcess.RunAsync("simulate", "--connect", directory.Socket(), "--settle", "1s", "--json")).Expect(0);
        RunCommandTests.AssertAllAnswered(Assert.Single(guest.Json, line => RunCommandTests.Summary(line) == "simulation"));
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);
        hanging.ForEach(socket => socket.Dispose());
    }

    private static Socket Connect(TestDirectory directory, byte[] bytes)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Path.Combine(directory.Path, "kvmi.sock")));
        socket.Send(bytes);
        return socket;
    }

    private static byte[] Hello()
    {
        var hello = new byte[96];
        hello[0] = 96;
        return hello;
    }
}
