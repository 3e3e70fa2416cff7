using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Conformance.Tests.Support;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Simulator;
using Kvmi.Simulator.Programs;

namespace Kvmi.Conformance.Tests.Soak;

/// <summary>Session against simulator over a real socket: random guests, commands and decisions. README.md says how to run the long form.</summary>
public sealed class SoakTests
{
    private const long UsualEvents = 20_000;
    private const int Plans = 8;
    private static readonly TimeSpan ShortestPatience = TimeSpan.FromMinutes(3);

    public static TheoryData<KvmiDialect> Dialects => [.. Dialect.All.Select(dialect => dialect.Id)];

    private static long Events =>
        long.TryParse(Environment.GetEnvironmentVariable("KVMI_SOAK_EVENTS"), NumberStyles.None, CultureInfo.InvariantCulture, out var events) && events > 0
            ? events
            : UsualEvents;

    [Theory]
    [MemberData(nameof(Dialects))]
    public void Every_event_is_answered_once_and_every_reply_belongs_to_its_command(KvmiDialect dialect)
    {
        var only = Environment.GetEnvironmentVariable("KVMI_SOAK_DIALECT");
        Assert.SkipUnless(only is null || only == Dialect.Find(dialect)?.Name, $"KVMI_SOAK_DIALECT asks for {only} alone.");
        var clock = TimeProvider.System;
        var start = clock.GetTimestamp();
        var total = new SoakTotals();
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(Plans),
            Prop.ForAll(SoakPlan.Plans.ToArbitrary(), plan => RunAsync(plan, dialect, (Events + Plans - 1) / Plans, total).GetAwaiter().GetResult()));
        var seconds = clock.GetElapsedTime(start).TotalSeconds;
        var text = $"{dialect}: {total} in {seconds.ToString("0.0", CultureInfo.InvariantCulture)} s, {(total.Events / seconds).ToString("0", CultureInfo.InvariantCulture)} events/s";
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Assert.True(total.Events >= Events, text);
    }

    private static async Task RunAsync(SoakPlan plan, KvmiDialect dialect, long events, SoakTotals total)
    {
        var file = Path.Combine(Path.GetTempPath(), $"kvmi-{Guid.NewGuid():n}.yaml");
        await File.WriteAllTextAsync(file, plan.ToYaml(events));
        try
        {
            var handler = new SoakHandler(plan.Seed, GuestLayout.PayloadGpa);
            await using var server = new ToolServer(handler, dialect);
            var options = new SimulatorOptions { Endpoint = server.Endpoint, Scenario = file, MaxEvents = events, Dialect = dialect, LoggerFactory = server.Log };
            var patience = ShortestPatience + TimeSpan.FromMilliseconds(events);
            var result = await Simulation.RunAsync(options, CancellationToken.None).WaitAsync(patience);
            ToolServer.Until(() => !server.Gone.IsEmpty, () => $"{plan}: the session did not end\n{server.Log}");
            var (vm, _, detail) = Assert.Single(server.Gone);
            Assert.True(result.EndedAsWritten && handler.Violations.IsEmpty && detail is null,
                $"{plan}: {result.End}, {result.FailureReason}; {detail}\n{string.Join('\n', handler.Violations)}\n{server.Log}");

            // Both ends have counted the same.
            var counters = vm.Counters;
            var silent = result.Events.Where(kind => kind.Key is EventKind.Unhook or EventKind.CommandError).Sum(kind => kind.Value);
            Assert.Equal((result.EventCount - silent, silent), (counters.Events, counters.Notifications));
            Assert.Equal((result.ReplyCount, counters.Events), (counters.Replies, counters.Replies));
            Assert.Equal((0L, 0L), (counters.HandlerErrors, counters.ProtocolErrors));

            // Events that cross with UNHOOK are answered by the session itself: one for each vCPU at most. It keeps the errors of a batch too.
            var missing = 0L;
            foreach (var (kind, sent) in result.Events.Where(entry => entry.Key is not (EventKind.PauseVcpu or EventKind.Unhook or EventKind.CommandError)))
            {
                var seen = handler.Seen.GetValueOrDefault(kind);
                Assert.True(seen <= sent, $"{plan}: {sent} {kind} events were sent, {seen} arrived");
                missing += sent - seen;
            }

            Assert.True(missing <= plan.Vcpus, $"{plan}: {missing} events never reached the handler");

            // Those that are still due when the limit is reached are never sent; none comes that nobody asked for.
            Assert.True(handler.Seen.GetValueOrDefault(EventKind.PauseVcpu) <= handler.PausesAsked, $"{plan}: more pauses than were asked for");
            total.Add(result, handler.Tried, handler.PausesAsked);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
