using System.Globalization;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol.Dialects;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Policy.Engine.Tests.Soak;

/// <summary>
/// Hours of mixed load, from a seed: in each round one VM of each dialect connects, works, suffers faults and administrators, while policies
/// are reloaded, throw, use up their budgets, hang and are switched; then all policies go, and every machine has to be as it began. Between the
/// rounds time is skipped. A few simulated minutes as a rule; KVMI_SOAK_HOURS=24 is the long form (README.md).
/// </summary>
public sealed class HoursOfLoadTests(ITestOutputHelper output)
{
    private const int Threads = 64;
    private const long HeapBound = 48L << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan AShortWhile = TimeSpan.FromMilliseconds(150);

    private readonly SoakPlan _plan = SoakPlan.FromEnvironment();
    private readonly SortedDictionary<string, int> _done = new(StringComparer.Ordinal);

    [Fact]
    public async Task Counters_balance_to_the_last_event_and_nothing_grows()
    {
        var random = new Random(_plan.Seed);
        var folder = Directory.CreateTempSubdirectory("kvmi").FullName;
        var time = new SkippingTime();
        var sink = new SoakOutput();
        var faults = new SoakFaults(_plan.Seed);
        var books = new SoakBooks(_plan);
        var policies = new SoakPolicies(time);
        var started = TimeProvider.System.GetTimestamp();
        var heaps = new List<long>();
        using var engine = new PolicyEngine(new PolicyEngineOptions
        {
            Output = sink,
            TimeProvider = time,
            StateDirectory = folder,
            OutputCapacity = 1 << 16,
            EmitAllDecisions = true,
            Faults = faults.Policies,
        });
        var ledger = new SoakLedger(engine);
        var endpoint = "unix:" + Path.Combine(folder, "s");
        var options = new KvmiServerOptions
        {
            Endpoints = [KvmiEndpoint.Parse(endpoint)],
            Observer = books,
            CommandTimeout = TimeSpan.FromSeconds(30),
            MaxAbandonedThreads = Threads,
            Faults = faults.Peers,
        };
        await using var server = new KvmiServer(options, ledger, NullLoggerFactory.Instance, time);
        server.Start();
        for (var round = 0; round < _plan.Rounds; round++)
        {
            await RunRoundAsync(round, random, engine, policies, endpoint, ledger, books, time);
            books.Balance(round, engine, ledger, sink);
            time.Skip(_plan.Pause);
            if (IsCheckpoint(round))
            {
                Until(() => Collect(() => server.Deadlines.AbandonedNow == 0), round, "abandoned threads come back");
                heaps.Add(GC.GetTotalMemory(forceFullCollection: true));
            }
        }

        await server.StopAsync();
        Until(() => Collect(() => policies.GenerationsAlive <= 1), _plan.Rounds, "one generation is alive at most");
        Assert.True(heaps[^1] - heaps[0] < HeapBound, $"{_plan.Replay}: the heap grew: {string.Join(", ", heaps)}");
        Assert.Empty(Directory.GetFiles(folder, "*.patches"));
        var summary = engine.GetSummary();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {(time.Skipped + TimeProvider.System.GetElapsedTime(started)).TotalHours:0.0} simulated hours in {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0} s, {_plan.Rounds} rounds. {_plan.Replay}
            {books.Report()}
            engine: {ledger.Given} events = {ledger.Decided} decided + {ledger.Abandoned} with their threads abandoned + {ledger.Lost} with their connections lost; {ledger.Late} answered at their deadline
            decisions: {string.Join(", ", ledger.Decisions.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key} {pair.Value}"))}; votes {summary.Events}
            policies: {summary.Errors} errors, {summary.Timeouts} time-outs, {summary.Alerts} alerts, {summary.Records} records, {summary.LostOutput} lines lost
            statuses: {string.Join(", ", sink.Statuses.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} {pair.Value}"))}
            injected: {string.Join(", ", faults.Happened.Select(fault => $"{fault.Name} {fault.Count}"))}
            done to the VMs: {string.Join(", ", _done.Select(pair => $"{pair.Key} {pair.Value}"))}
            reloads: {policies.Loaded} live, {policies.Failed} refused, {policies.Unloaded} to nothing; threads abandoned {server.Deadlines.AbandonedThreads}
            heap at checkpoints, MiB: {string.Join(", ", heaps.Select(heap => heap >> 20))}
            """));
        Directory.Delete(folder, recursive: true);
    }

    private static bool Collect(Func<bool> condition)
    {
#pragma warning disable RS0030 // The product never forces a collection; proving an unload needs one.
        GC.Collect();
#pragma warning restore RS0030
        GC.WaitForPendingFinalizers();
        return condition();
    }

    private bool IsCheckpoint(int round) => (round + 1) % Math.Max(1, _plan.Rounds / 8) == 0;

    private void Until(Func<bool> condition, int round, string what, Func<string>? more = null) => Assert.True(
        SpinWait.SpinUntil(condition, Patience),
        $"{_plan.Replay}. Round {round}: in {Patience.TotalSeconds} s it did not happen that {what}. {more?.Invoke()}");

    private async Task RunRoundAsync(
        int round, Random random, PolicyEngine engine, SoakPolicies policies, string endpoint, SoakLedger ledger, SoakBooks books, SkippingTime time)
    {
        policies.Reload(engine, random);
        var vms = Dialect.All
            .Select(dialect => new SoakVm(endpoint, string.Create(CultureInfo.InvariantCulture, $"r{round}-{dialect.Name}"), dialect.Id, random)).ToArray();
        for (var step = 0; step < _plan.Steps; step++)
        {
            engine.SetMasterMode(random.Next(6) switch { 0 => MasterMode.Audit, 1 => MasterMode.Off, _ => MasterMode.AsWritten });
            Work(engine, random, policies, ledger, vms, _plan.Events * step / _plan.Steps, isPatient: false);
            var vm = vms[random.Next(vms.Length)];
            Note(await vm.SufferAsync(random.Next(6)));
            if (random.Next(4) == 0)
            {
                // As after the sleep of a laptop: whatever is under way is late all at once.
                Note("clock jump");
                time.Skip(TimeSpan.FromSeconds(random.Next(1, 60)));
            }
        }

        // Without a policy at work a guest has no events.
        engine.SetMasterMode(MasterMode.AsWritten);
        Work(engine, random, policies, ledger, vms, _plan.Events, isPatient: true);

        // All policies go while the guests run on: every lease comes back, also what a lost connection left behind.
        policies.Unload(engine);
        Until(
            () => vms.All(vm => vm.Differences().Length == 0),
            round,
            "all machines are as they began",
            () => string.Join("; ", vms.SelectMany(vm => vm.Differences().Take(5).Select(difference => $"{vm.Name}: {difference}"))));
        foreach (var vm in vms)
        {
            var result = await vm.EndAsync();
            Until(() => books.HasLeft(vm.Name), round, $"the connections of {vm.Name} end");
            books.Enter(round, vm, result);
            vm.Dispose();
        }
    }

    /// <summary>Lets every VM have so many events, and reloads now and then.</summary>
    private void Work(PolicyEngine engine, Random random, SoakPolicies policies, SoakLedger ledger, SoakVm[] vms, long events, bool isPatient)
    {
        bool Enough() => vms.All(vm => ledger.EventsOf(vm.Name) >= events);
        var started = TimeProvider.System.GetTimestamp();
        do
        {
            policies.Reload(engine, random);
            SpinWait.SpinUntil(Enough, AShortWhile);
            Assert.True(
                TimeProvider.System.GetElapsedTime(started) < Patience,
                $"{_plan.Replay}. These VMs have no events: {string.Join('\n', vms.Where(vm => ledger.EventsOf(vm.Name) < events).Select(vm => $"{vm.Name}\n{vm.Yaml}"))}");
        }
        while (isPatient && !Enough());
    }

    private void Note(string what) => _done[what] = _done.GetValueOrDefault(what) + 1;
}
