using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Shadow;
using Kvmi.Policy.Engine.Tests.Reload;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Session.Tests.Support;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Shadow;

/// <summary>A generation beside the live one: it is shown the events, decides for itself, and changes nothing.</summary>
public sealed class ShadowTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Differing_decisions_are_listed_and_promote_makes_them_real()
    {
        await using var live = new LiveReload(options => options with { ReloadsAsShadow = true });
        live.Save("p", 1, top: "var seen = State.Set<ulong>(\"seen\", 8);\nvar first = seen.Add(7);");
        await live.Start();
        Assert.Equal((1, false), (live.Generation, live.Reports[0].IsShadow));
        live.SaveScript("p", "var seen = State.Set<ulong>(\"seen\", 8);\nDecision OnCr(CrEvent e)\n{\n    Alert(\"a\");\n    return e.Old == 0x1000 ? Set((ulong)seen.Count + 1) : Set(1);\n}\n", "2.0.0");
        var report = await live.Reload();
        Assert.True(report.Success);
        Assert.Equal((2, 1, 1), (report.ShadowGeneration, report.Generation, live.Generation));

        // The shadow begins without state: both set 1.
        Assert.Equal(1UL, live.Answer());
        Until(live, shadow => shadow.Compared == 1);
        Assert.Equal(0, live.Bench.Engine.GetShadow()!.Differing);
        live.SaveScript("p", "var seen = State.Set<ulong>(\"seen\", 8);\nDecision OnCr(CrEvent e) { Alert(\"a\"); return Set((ulong)seen.Count + 5); }\n", "3.0.0");
        Assert.Equal(3, (await live.Reload()).ShadowGeneration);
        for (var i = 0; i < 3; i++)
            Assert.Equal(1UL, live.Answer());

        Until(live, shadow => shadow.Compared == 3);
        var summary = live.Bench.Engine.GetShadow()!;
        Assert.Equal((3, 3, 0, 0), (summary.Generation, summary.Differing, summary.Incomplete, summary.Skipped));
        Assert.Equal(new("p", "3.0.0", 3, 3, 0), Assert.Single(summary.Policies));
        var difference = summary.Differences[0];
        Assert.Equal((1, EventKind.Cr, "cr3 0x1000 -> 0x2000"), (difference.Number, difference.Event, difference.Subject));
        Assert.Equal(new ShadowVote(DecisionKind.Set, 1, null, null, "p"), difference.Live);
        Assert.Equal(new ShadowVote(DecisionKind.Set, 5, null, null, "p"), difference.Shadow);
        Assert.Contains("live set 0x1, shadow set 0x5", live.Statuses("shadow-differs")[0].Message, StringComparison.Ordinal);

        // Nothing of it is in the live counters, and no alert was raised.
        Assert.Equal((4, 0), (Assert.Single(live.Bench.Engine.GetSummary().Policies).Events, Assert.Single(live.Bench.Engine.GetSummary().Policies).Alerts));

        // Live it keeps the state of the version before it.
        Assert.Equal(new(true, 3, null), await live.Reloader.PromoteAsync().WaitAsync(ReloadHarness.Patience));
        Assert.Null(live.Bench.Engine.GetShadow());
        Assert.Equal(6UL, live.Answer());
        var again = await live.Reloader.PromoteAsync().WaitAsync(ReloadHarness.Patience);
        Assert.False(again.Success);
        Assert.StartsWith("There is no shadow", again.Problem, StringComparison.Ordinal);

        // What was promoted is what the next reload is compared with.
        Assert.Empty((await live.Reload()).PolicyChanges);
    }

    [Fact]
    public async Task Discard_drops_it_and_a_reload_that_goes_live_does_so_too()
    {
        await using var live = new LiveReload();
        live.Save("p", 1);
        await live.Start();
        live.Save("p", 2);
        Assert.True((await live.Reloader.ReloadAsShadowAsync().WaitAsync(ReloadHarness.Patience)).IsShadow);
        Assert.Equal(1UL, live.Answer());
        Assert.Equal(new(true, 1, null), await live.Reloader.DiscardAsync().WaitAsync(ReloadHarness.Patience));
        Assert.False((await live.Reloader.DiscardAsync().WaitAsync(ReloadHarness.Patience)).Success);
        Assert.Equal(1UL, live.Answer());
        await live.Reloader.ReloadAsShadowAsync().WaitAsync(ReloadHarness.Patience);
        Assert.Equal(1UL, live.Answer());
        Assert.Equal("p", Assert.Single((await live.Reload()).PolicyChanges).Policy);
        Assert.Null(live.Bench.Engine.GetShadow());
        Assert.Equal(2UL, live.Answer());
        TestServer.Until(() => IsAlone(live), "a shadow's code stays in memory");
    }

    [Fact]
    public async Task A_shadow_that_throws_is_told_and_hurts_nobody()
    {
        await using var live = new LiveReload(options => options with { ReloadsAsShadow = true });
        live.Save("p", 1);
        live.Save("q", 1);
        await live.Start();
        live.SaveScript("p", "var none = new int[0];\nDecision OnCr(CrEvent e) => Set((ulong)none[e.Vcpu]);\n");
        live.SaveScript("q", "throw new InvalidOperationException(\"not at the start\");\nDecision OnCr(CrEvent e) => Set(1);\n");
        Assert.True((await live.Reload()).IsShadow);
        for (var i = 0; i < 5; i++)
            Assert.Equal(1UL, live.Answer());

        Until(live, shadow => shadow.Compared == 5 && shadow.Problems.Count >= 2);
        var summary = live.Bench.Engine.GetShadow()!;
        Assert.Contains(summary.Problems, problem => problem.Contains("not at the start", StringComparison.Ordinal));
        Assert.Contains(summary.Problems, problem => problem.Contains("IndexOutOfRange", StringComparison.Ordinal));
        Assert.Empty(live.Statuses("refused"));
        Assert.Empty(live.Statuses("policy-error"));
        Assert.Empty(live.Statuses("quarantined"));
    }

    [Fact]
    public void A_shadow_that_hangs_keeps_only_its_own_thread()
    {
        using var bench = new EngineBench();
        using var gate = new ManualResetEventSlim();
        using var entered = new ManualResetEventSlim();
        bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Set(1))));
        bench.Attach();
        var code = new CodeLife();
        bench.Engine.SetShadow(new Generation(2, [Loaded(Define("p", OnCr3), Cr(() =>
        {
            entered.Set();
            gate.Wait();
            return Decision.Set(2);
        }))], code));
        const int events = 500;
        for (var i = 0; i < events; i++)
            Assert.Equal(1UL, Answer(bench));

        // One is in its hands, 63 wait for it; the others are left out and counted.
        TestServer.Until(() => bench.Engine.GetShadow()!.Skipped >= events - 65, "the events that found no room are not counted");
        Assert.True(entered.Wait(ReloadHarness.Patience));
        bench.Time.Advance(TimeSpan.FromSeconds(2));
        TestServer.Until(() => bench.Engine.GetShadow()!.Hanging.Count == 1, "nobody sees that it hangs");
        Assert.False(bench.Engine.TryPromote(out var problem));
        Assert.Contains("does not come back", problem, StringComparison.Ordinal);
        Assert.Equal(1UL, Answer(bench));

        // Discarded it lets its code go as soon as it comes back.
        Assert.True(bench.Engine.Discard());
        Assert.Equal(1UL, Answer(bench));
        Assert.False(code.Disposed);
        gate.Set();
        TestServer.Until(() => code.Disposed, "its code is held");
        bench.Handler.Detaching(Session.Vm.DetachReason.Stopping);
    }

    [Fact]
    public void A_shadow_changes_nothing_in_the_guest_and_says_when_it_knew_too_little()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Set(1))));
        bench.Attach();
        var before = bench.Vm.Commands.ToArray();
        var reads = 0;
        var watching = Define("p", OnCr3, On(EventKind.Msr), On(EventKind.PageFault)) with { Watch = [Watch(0x5000, 0x5fff, PageAccess.Read)] };
        bench.Engine.SetShadow(new Generation(2, [Loaded(watching, services =>
        {
            PolicyHandler<CrEvent> handler = _ =>
            {
                services.Pages.Set(0x9000, PageAccess.Read);
                services.Memory.TryWritePhysical(0x3000, [1, 2, 3]);
                reads += services.Memory.TryReadPhysical(0x1000, new byte[8]) ? 1 : 0;
                return Decision.Set(2);
            };
            return [handler, Msr(() => Decision.Allow), Pf(() => Decision.Allow)];
        })], new CodeLife()));
        for (var i = 0; i < 3; i++)
            Assert.Equal(1UL, Answer(bench));

        TestServer.Until(() => bench.Engine.GetShadow()!.Incomplete == 3, "what it could not know is not counted");
        Assert.Equal((0, 0, 0), (bench.Engine.GetShadow()!.Compared, bench.Engine.GetShadow()!.Differing, reads));
        Assert.Equal(before, bench.Vm.Commands);
        Assert.Equal(PageAccess.All, bench.Handler.PageAccess(0x9000));
        bench.Handler.Detaching(Session.Vm.DetachReason.Stopping);
    }

    [Fact]
    public void A_shadow_reads_the_memory_that_the_live_policies_read_for_the_same_event()
    {
        using var bench = new EngineBench();
        GenerationPolicy Reading(ulong more, ulong value) => Loaded(Define("p", OnCr3), services =>
        {
            PolicyHandler<CrEvent> handler = _ =>
            {
                var bytes = new byte[600];
                return services.Memory.TryReadPhysical(0x1F00, bytes) && services.Memory.TryReadPhysical(more, bytes)
                    ? Decision.Set(bytes[0] + value)
                    : Decision.Set(0);
            };
            return [handler];
        });
        bench.Load(Reading(0x1F10, 0));
        bench.Attach();
        bench.Vm.Put(0x1F00, [.. Enumerable.Range(0, 600).Select(i => (byte)(i + 1))]);
        bench.Engine.SetShadow(new Generation(2, [Reading(0x1F08, 0x100)], new CodeLife()));
        Assert.Equal(0x11UL, Answer(bench));
        TestServer.Until(() => bench.Engine.GetShadow()!.Differing == 1, "the shadow could not read what was read");
        Assert.Equal(0x109UL, Assert.Single(bench.Engine.GetShadow()!.Differences).Shadow.Value);

        // What nobody read, it does not know.
        bench.Engine.SetShadow(new Generation(3, [Reading(0x8000, 0)], new CodeLife()));
        Answer(bench);
        TestServer.Until(() => bench.Engine.GetShadow()!.Incomplete == 1, "a guess was taken for a decision");
        Assert.Equal(0, bench.Engine.GetShadow()!.Compared);
        bench.Handler.Detaching(Session.Vm.DetachReason.Stopping);
    }

    [Fact]
    public void Showing_events_to_a_shadow_allocates_nothing()
    {
        using var bench = new EngineBench();
        bench.Sink.ForgetsDecisions = true;
        bench.Load(Loaded(Define("p", OnCr3) with { Mode = PolicyMode.Audit }, Cr(() => Decision.Allow)));
        bench.Attach();
        var frame = bench.Frame(Kvmi.Protocol.Events.EventBody.Cr(3, 0x1000, 0x2000), 0);
        var reply = default(Kvmi.Protocol.Events.EventReply);
        for (var i = 0; i < 20_000; i++)
            bench.Handler.OnEvent(in frame, ref reply);

        var started = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 2000; i++)
            bench.Handler.OnEvent(in frame, ref reply);

        var without = TimeProvider.System.GetElapsedTime(started);
        bench.Engine.SetShadow(new Generation(2, [Loaded(Define("p", OnCr3) with { Mode = PolicyMode.Audit }, Cr(() => Decision.Allow))], new CodeLife()));
        for (var i = 0; i < 200; i++)
            bench.Handler.OnEvent(in frame, ref reply);

        var from = GC.GetAllocatedBytesForCurrentThread();
        started = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 2000; i++)
            bench.Handler.OnEvent(in frame, ref reply);

        var with = TimeProvider.System.GetElapsedTime(started);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - from);
        output.WriteLine($"{without.TotalNanoseconds / 2000:0} ns an event without a shadow, {with.TotalNanoseconds / 2000:0} ns with one");
        TestServer.Until(() => bench.Engine.GetShadow() is { } shadow && shadow.Compared + shadow.Skipped == 2200, "an event is in nobody's books");
        bench.Handler.Detaching(Session.Vm.DetachReason.Stopping);
    }

    private static ulong Answer(EngineBench bench)
    {
        var frame = bench.Frame(Kvmi.Protocol.Events.EventBody.Cr(3, 0x1000, 0x2000), 0);
        var reply = new Kvmi.Protocol.Events.EventReply { NewValue = frame.NewValue };
        bench.Handler.OnEvent(in frame, ref reply);
        return reply.NewValue;
    }

    private static void Until(LiveReload live, Func<ShadowSummary, bool> condition) =>
        TestServer.Until(() => live.Bench.Engine.GetShadow() is { } shadow && condition(shadow), $"the shadow is not there yet: {live.Bench.Engine.GetShadow()}");

    private static bool IsAlone(LiveReload live)
    {
#pragma warning disable RS0030 // The product never forces a collection; proving an unload needs one.
        GC.Collect();
#pragma warning restore RS0030
        GC.WaitForPendingFinalizers();
        return live.Builder.GenerationsAlive == 1;
    }
}
