using System.Diagnostics;
using System.Globalization;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Deadlines;

/// <summary>
/// How late the answers at a deadline come, seen from the peer: 16 vCPUs, one of which hangs again and again while the others send
/// events without a pause. Prints p50, p99 and the most; asserts no time, because that is the machine's. Run it alone:
/// <c>Kvmi.Session.Tests -class "*LatenessTests" -showliveoutput</c>; KVMI_POLICY_LATENESS gives the number of hangs (20), and
/// KVMI_POLICY_BURNERS that of threads that do nothing but use a processor (0).
/// </summary>
public class LatenessTests
{
    private const int Vcpus = 16;
    private const ulong Hang = 0xdead;
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(30);

    [Fact]
    public async Task Every_hang_is_answered_and_the_lateness_is_printed()
    {
        var rounds = Setting("KVMI_POLICY_LATENESS", 20);
        using var gate = new ManualResetEventSlim();
        using var end = new CancellationTokenSource();
        var burners = Enumerable.Range(0, Setting("KVMI_POLICY_BURNERS", 0)).Select(_ => Burn(end.Token)).ToArray();
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                if (frame.NewValue == Hang)
                {
                    gate.Wait();
                }
            },
        };
        await using var server = new TestServer(handler, options => options with { EventTimeout = Limit, MaxAbandonedThreads = rounds + 1 });
        using var victim = FakePeer.Attached(server.Path, Vcpus, Guid.NewGuid(), name: "victim");
        using var other = FakePeer.Attached(server.Path, Vcpus, Guid.NewGuid(), name: "other");
        var hanging = Batch(victim, hang: true);
        var calm = Batch(victim, hang: false);
        long events = 0;
        var load = Task.Factory.StartNew(
            () =>
            {
                while (!end.IsCancellationRequested)
                {
                    Round(other, calm);
                    events += Vcpus;
                }
            },
            end.Token,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        var times = new List<double>();
        for (var i = 0; i < rounds; i++)
        {
            times.Add((Round(victim, hanging) - Limit).TotalMilliseconds);
            for (var round = 0; round < 20; round++)
            {
                Round(victim, calm);
            }
        }

        await end.CancelAsync();
        await load;
        gate.Set();
        TestServer.Until(() => server.Server.Deadlines.AbandonedNow == 0, "threads have not come back");
        foreach (var burner in burners)
        {
            burner.Join();
        }

        var seen = server.Server.Deadlines;
        times.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{rounds} hangs of one of {Vcpus} vCPUs, {events} events of another VM meanwhile, {burners.Length} burners, watchdog at "
            + $"{(seen.IsRealTime ? "real-time" : "normal")} priority. Late at the peer: p50 {times[rounds / 2]:0.00} ms, "
            + $"p99 {times[(int)Math.Ceiling(0.99 * rounds) - 1]:0.00} ms, most {times[^1]:0.00} ms; by the watchdog's own clock: p50 "
            + $"{seen.P50Lateness.TotalMilliseconds:0.00} ms, p99 {seen.P99Lateness.TotalMilliseconds:0.00} ms, most "
            + $"{seen.MaxLateness.TotalMilliseconds:0.00} ms; longest collection {seen.MaxGcPause.TotalMilliseconds:0.00} ms."));
        Assert.Equal(rounds, seen.Timeouts);
        Assert.Equal(rounds, seen.AbandonedThreads);
    }

    /// <summary>The events of all vCPUs; the first one hangs, or none does.</summary>
    private static byte[] Batch(FakePeer peer, bool hang) =>
    [
        .. Enumerable.Range(0, Vcpus).SelectMany(vcpu => peer.Event((ushort)vcpu, EventBody.Cr(3, 0, hang && vcpu == 0 ? Hang : 1))),
    ];

    /// <summary>Sends a batch and reads every reply. Allocates nothing: collections of the peer would stop the tool in the same process.</summary>
    private static TimeSpan Round(FakePeer peer, byte[] batch)
    {
        var length = FakePeer.V7.EventReplyLength(EventKind.Cr);
        var sent = Stopwatch.GetTimestamp();
        peer.SendRaw(batch);
        peer.Skip(length);
        var elapsed = Stopwatch.GetElapsedTime(sent);
        peer.Skip((Vcpus - 1) * length);
        return elapsed;
    }

    private static Thread Burn(CancellationToken end)
    {
        var thread = new Thread(() =>
        {
            while (!end.IsCancellationRequested)
            {
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        return thread;
    }

    private static int Setting(string name, int standard) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : standard;
}
