using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Peers;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Session.Tests.Handshake;

/// <summary>Peers that come in thousands and say garbage, half a hello, or nothing: the VMs of the same server must not notice.</summary>
[Collection(Name)]
public sealed class FloodTests(ITestOutputHelper output)
{
    /// <summary>Alone in the process: a flood takes the processor from tests that have deadlines.</summary>
    public const string Name = "flood";

    private const int Handshakes = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>How a hostile peer begins; what is empty says nothing at all.</summary>
    private static readonly byte[][] Beginnings =
    [
        [], [0x60, 0], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0], [0x60, 0, 0, 0, 1, 2, 3], [.. "GET / HTTP/1.1\r\n\r\n"u8], [.. WholeHello()],
    ];

    [Fact]
    public async Task The_peer_that_has_been_silent_longest_gives_way()
    {
        await using var server = new TestServer(new TestHandler(), options => options with { MaxHandshakes = 2 });
        using var first = new FakePeer(server.Path);
        using var second = new FakePeer(server.Path);
        using var third = new FakePeer(server.Path);
        Assert.True(first.IsClosedByTool());
        server.WaitForWarning("2 peers are in the handshake already, and it was the slowest");
        third.SayHello();
        third.ReadAnswer();
        third.Setup();
        using var fourth = FakePeer.Attached(server.Path, uuid: Guid.NewGuid());
    }

    [Fact]
    public async Task A_peer_that_has_said_its_hello_stays_longer_than_one_that_has_not()
    {
        await using var server = new TestServer(new TestHandler(), options => options with { MaxHandshakes = 2 });
        using var first = new FakePeer(server.Path);
        first.SayHello();
        first.ReadAnswer();
        using var second = new FakePeer(server.Path);
        using var third = new FakePeer(server.Path);
        Assert.True(second.IsClosedByTool());
        first.Setup();
        TestServer.Until(() => server.Server.Vms.Count == 1, "the first peer attaches");
    }

    [Fact]
    public async Task Peers_that_finish_their_hello_and_fall_silent_keep_no_VM_out()
    {
        await using var server = new TestServer(new TestHandler(), options => options with { MaxHandshakes = 2, CommandTimeout = TimeSpan.FromHours(1) });
        using var first = new FakePeer(server.Path);
        using var second = new FakePeer(server.Path);
        foreach (var peer in new[] { first, second })
        {
            peer.SayHello(uuid: Guid.NewGuid());
            peer.ReadAnswer();
            peer.ReadHeader();
        }

        using var vm = FakePeer.Attached(server.Path);
        TestServer.Until(() => server.Server.Vms.Count == 1, "the VM attaches");
        Assert.True(first.IsClosedByTool());
    }

    [Fact]
    public async Task Under_a_flood_events_are_answered_and_a_further_VM_attaches()
    {
        var flooders = new List<Socket>();
        await using var server = new TestServer(new TestHandler(), options => options with { MaxHandshakes = Handshakes });
        using var vm = FakePeer.Attached(server.Path);
        var calm = Measure(vm, 2000);
        using var stop = new CancellationTokenSource();
        var flooded = 0L;
        var flood = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                flooders.Add(Connect(server.Path, Beginnings[(int)(flooded % Beginnings.Length)]));
                Interlocked.Increment(ref flooded);

                // Most hang, so that they have to be thrown out.
                if (flooders.Count > 200)
                {
                    flooders.ForEach(socket => socket.Dispose());
                    flooders.Clear();
                }
            }
        });
        Until(() => Volatile.Read(ref flooded) > 300, "the flood flows");
        var stormy = Measure(vm, 2000);
        AttachUnderFlood(server);

        Until(() => Volatile.Read(ref flooded) > 1000, "the flood flows on");
        Assert.True(Threads() < 200, $"{Threads()} threads");
        await stop.CancelAsync();
        await flood;
        flooders.ForEach(socket => socket.Dispose());
        await server.Server.StopAsync();
        var warnings = server.Log.Warnings.ToArray();
        Assert.Contains(warnings, text => text.Contains("more peers were refused and are not logged one by one", StringComparison.Ordinal));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{flooded} hostile peers, {warnings.Length} warnings; event to reply, median and 99th percentile: {Text(calm)} without, {Text(stormy)} in the flood"));
        var seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds;
        Assert.True(warnings.Length <= (RefusalLog.PerWindow + 1) * (2 + (seconds / RefusalLog.Window.TotalSeconds)), $"{warnings.Length} warnings in {seconds:0} s");
    }

    /// <summary>A device manager tries again, as QEMU does.</summary>
    private static void AttachUnderFlood(TestServer server)
    {
        var uuid = Guid.NewGuid();
        Until(
            () =>
            {
                try
                {
                    using var further = FakePeer.Attached(server.Path, uuid: uuid);
                    return SpinWait.SpinUntil(() => server.Arrived.Any(vm => vm.Identity.Uuid == uuid), TimeSpan.FromSeconds(5));
                }
                catch (Exception e) when (e is SocketException or Xunit.Sdk.XunitException)
                {
                    return false;
                }
            },
            "a further VM attaches");
    }

    private static void Until(Func<bool> condition, string what) => Assert.True(SpinWait.SpinUntil(condition, Patience), what);

    private static Socket Connect(string path, byte[] beginning)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        try
        {
            socket.Send(beginning);
        }
        catch (SocketException)
        {
            // Thrown out already.
            return socket;
        }

        return socket;
    }

    private static double[] Measure(FakePeer vm, int count)
    {
        var times = new double[count];
        for (var i = 0; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            vm.SendEvent(0, EventBody.Cr(3, 7, 8));
            vm.ReadEventReply(EventKind.Cr);
            times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        Array.Sort(times);
        return times;
    }

    private static string Text(double[] sorted) =>
        string.Create(CultureInfo.InvariantCulture, $"{sorted[sorted.Length / 2]:0} and {sorted[sorted.Length * 99 / 100]:0} us");

    private static int Threads()
    {
        using var process = Process.GetCurrentProcess();
        return process.Threads.Count;
    }

    private static byte[] WholeHello()
    {
        var hello = new byte[96];
        hello[0] = 96;
        return hello;
    }
}

/// <summary>Runs by itself.</summary>
[CollectionDefinition(FloodTests.Name, DisableParallelization = true)]
public sealed class FloodCollection;
