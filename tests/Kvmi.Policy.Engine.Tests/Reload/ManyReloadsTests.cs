using System.Globalization;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>
/// Reload after reload of ten policies while four vCPUs write CR3 as fast as they are answered over a real socket. 60 reloads as a rule; KVMI_RELOADS
/// says another number (README.md beside the reloader has the figures of 3,000).
/// </summary>
[Collection(typeof(MemoryOfTheProcess))]
public sealed class ManyReloadsTests(ITestOutputHelper output)
{
    private const int Policies = 10;
    private const int Vcpus = 4;
    private const long HeapBound = 16L << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task No_generation_stays_no_event_is_lost_and_memory_is_flat()
    {
        var rounds = int.Parse(Environment.GetEnvironmentVariable("KVMI_RELOADS") ?? "60", CultureInfo.InvariantCulture);
        await using var live = new LiveReload();
        for (var i = 0; i < Policies; i++)
            Save(live, i, 0);

        live.Bench.Sink.ForgetsDecisions = true;
        await live.Start(attach: false);
        await using var server = new TestServer(live.Bench.Engine, options => options with { EventTimeout = Patience });
        using var peer = new LoadPeer(server.Path, Vcpus);
        await peer.WaitFor(100, Patience);
        var started = TimeProvider.System.GetTimestamp();
        var from = peer.Answered;
        var heapAtStart = 0L;
        var swaps = new List<double>();
        var (compile, load) = (TimeSpan.Zero, TimeSpan.Zero);
        for (var round = 1; round <= rounds; round++)
        {
            // The policy that decides, and one of the others.
            Save(live, 0, round);
            Save(live, 1 + (round % (Policies - 1)), round);
            var report = await live.Reload();
            Assert.True(report.Success, string.Join('\n', report.Findings));
            Assert.Equal((2, Policies - 2), (report.CompiledScripts, report.CachedScripts));
            Assert.Equal(2, report.PolicyChanges.Count);
            swaps.Add((report.BuildTime + report.SwapTime).TotalMilliseconds);
            compile += report.CompileTime;
            load += report.LoadTime;
            if (round == rounds / 3)
                heapAtStart = Heap();

            if (round is 1 or 30 or 100 or 300 or 1000 or 2000 || round == rounds)
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{round} reloads after {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s: RSS {Environment.WorkingSet >> 20} MiB, "
                    + $"{live.Builder.GenerationsAlive} generations with code in memory, {peer.Answered} events answered"));
            }
        }

        var seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        var rate = (peer.Answered - from) / seconds;
        await peer.Stop(Patience);
        var heap = Heap();
        Collect(() => live.Builder.GenerationsAlive == 1);
        swaps.Sort();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{rounds} reloads in {seconds:0.0} s at {rate:0} events/s; build and swap {swaps[swaps.Count / 2]:0.0} ms (median), {swaps[^1]:0.0} ms (longest), compile {compile.TotalMilliseconds / rounds:0.0} and load {load.TotalMilliseconds / rounds:0.0} ms (mean); "
            + $"heap {heapAtStart >> 10} KiB after a third, {heap >> 10} KiB at the end; {live.Builder.GenerationsAlive} generation alive"));
        Assert.Equal(1, live.Builder.GenerationsAlive);
        Assert.True(heap - heapAtStart < HeapBound, $"the heap grew from {heapAtStart} to {heap} bytes");
        Assert.Equal((ulong)rounds, peer.LastValue);
        var vm = Assert.Single(server.Server.Vms);
        Assert.Equal((peer.Answered, peer.Answered), (vm.Counters.Events, vm.Counters.Replies));
        Assert.Equal(0, server.Server.Deadlines.Timeouts);

        // Every policy saw every event, whatever generation it was of; and nobody was ever out of service.
        var summary = live.Bench.Engine.GetSummary();
        Assert.Equal(Policies, summary.Policies.Count);
        Assert.All(summary.Policies, policy => Assert.Equal(peer.Answered, policy.Events));
        Assert.Empty(live.Statuses("refused"));
        var stop = server.Server.StopAsync();
        peer.CarryOutToTheEnd();
        await stop.WaitAsync(Patience);
    }

    private static void Save(LiveReload live, int policy, int round)
    {
        var top = $"var seen = State.Set<ulong>(\"seen\", 64);\nvar round = {round}UL;";
        live.SaveScript($"p{policy}", policy == 0
            ? $"{top}\nDecision OnCr(CrEvent e)\n{{\n    seen.Add(e.Vcpu);\n    return Set(round);\n}}\n"
            : $"{top}\nDecision OnCr(CrEvent e)\n{{\n    seen.Add(e.Vcpu + round % 8);\n    return Allow;\n}}\n");
    }

    private static long Heap()
    {
#pragma warning disable RS0030 // The product never forces a collection; comparing heaps needs one.
        return GC.GetTotalMemory(forceFullCollection: true);
#pragma warning restore RS0030
    }

    private static void Collect(Func<bool> enough)
    {
        for (var i = 0; i < 20 && !enough(); i++)
        {
#pragma warning disable RS0030 // The product never forces a collection; proving an unload needs one.
            GC.Collect();
#pragma warning restore RS0030
            GC.WaitForPendingFinalizers();
        }
    }
}
