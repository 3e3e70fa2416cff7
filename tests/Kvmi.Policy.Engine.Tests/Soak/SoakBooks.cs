using System.Collections.Concurrent;
using System.Globalization;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Protocol;
using Kvmi.Session;
using Kvmi.Session.Vm;
using Kvmi.Simulator;

namespace Kvmi.Policy.Engine.Tests.Soak;

/// <summary>
/// What the kernels, the session and the engine each counted, held against one another. An event that nobody answers is on a connection that was
/// cut, and named; a vCPU has one open event at most, so no cut can lose more than one for each vCPU.
/// </summary>
internal sealed class SoakBooks(SoakPlan plan) : IVmObserver
{
    private readonly ConcurrentQueue<Leaving> _gone = [];
    private readonly ConcurrentDictionary<string, int> _attached = [];
    private readonly Dictionary<string, long> _lostBy = [];
    private readonly Dictionary<string, long> _faults = [];
    private long _kernelEvents;
    private long _kernelReplies;
    private long _unread;
    private long _notTaken;
    private long _events;
    private long _replies;
    private long _timeouts;
    private int _connections;
    private int _cut;

    /// <summary>Connections that ended without an order.</summary>
    public int Cut => _cut;

    /// <summary>Connections that were attached.</summary>
    public int Connections => _connections;

    void IVmObserver.Connected(VmStatus vm)
    {
        Interlocked.Increment(ref _connections);
        _attached.AddOrUpdate(vm.Identity.Name!, 1, (_, count) => count + 1);
    }

    void IVmObserver.Disconnected(VmStatus vm, DetachReason reason, string? detail) => _gone.Enqueue(new Leaving(vm, reason, detail));

    /// <summary>All connections of the VM that were attached have ended.</summary>
    public bool HasLeft(string vm) => _gone.Count(gone => gone.Vm.Identity.Name == vm) == _attached.GetValueOrDefault(vm);

    /// <summary>Enters what became of one VM.</summary>
    public void Enter(int round, SoakVm vm, SimulationResult result)
    {
        var own = _gone.Where(gone => gone.Vm.Identity.Name == vm.Name).ToArray();
        var what = $"{plan.Replay}. Round {round}, {vm.Name}: {result.End}, {result.FailureReason}; {string.Join(", ", own.Select(gone => gone.Describe()))}\n{vm.Yaml}";
        Assert.True(result.EndedAsWritten, what);

        // A clock that jumps while the dialect is found out makes the tool try another one, which that kernel refuses; such a connection is never attached.
        var neverAttached = result.Connections - own.Length;
        Assert.True(vm.KernelsComplaints.Count() <= neverAttached, $"{what}: {string.Join("; ", vm.KernelsComplaints)}");
        var bound = (long)SoakVm.MostVcpus * Math.Max(1, result.Connections);
        foreach (var gone in own)
        {
            var open = gone.Open;
            if (gone.IsInOrder)
            {
                Assert.True(open == 0, $"{what}: {open} events unanswered on {gone.Describe()}");
                continue;
            }

            _cut++;
            Assert.True(open is >= 0 and <= SoakVm.MostVcpus, $"{what}: {open} events lost on {gone.Describe()}");
            _lostBy[gone.Cause] = _lostBy.GetValueOrDefault(gone.Cause) + open;
        }

        var silent = result.Events.Where(kind => kind.Key is EventKind.Unhook or EventKind.CommandError).Sum(kind => kind.Value);
        var sent = result.EventCount - silent;
        var events = own.Sum(gone => gone.Counters.Events);
        var replies = own.Sum(gone => gone.Counters.Replies);

        // An event that leaves its vCPU while this side closes is never read; a reply that leaves while the other side closes is never taken.
        Assert.True(sent - events >= 0 && sent - events <= bound, $"{what}: {sent} events sent, {events} received");
        Assert.True(replies - result.ReplyCount >= 0 && replies - result.ReplyCount <= bound, $"{what}: {replies} replies sent, {result.ReplyCount} taken");
        Assert.True(own.Any(gone => !gone.IsInOrder) || result.Connections > 1 || (sent == events && replies == result.ReplyCount), $"{what}: {sent}, {events}, {replies}, {result.ReplyCount}");
        Assert.True(vm.Differences() is { Length: 0 }, $"{what}: {string.Join("; ", vm.Differences().Take(10))}");
        _kernelEvents += sent;
        _kernelReplies += result.ReplyCount;
        _unread += sent - events;
        _notTaken += replies - result.ReplyCount;
        _events += events;
        _replies += replies;
        _timeouts += own.Sum(gone => gone.Counters.Timeouts);
        foreach (var (fault, count) in result.Faults)
        {
            _faults[fault] = _faults.GetValueOrDefault(fault) + count;
        }
    }

    /// <summary>Holds the books of all against one another. Nothing is connected.</summary>
    public void Balance(int round, PolicyEngine engine, SoakLedger ledger, SoakOutput output)
    {
        var what = $"{plan.Replay}. Round {round}";
        var lost = _lostBy.Values.Sum();
        Assert.True(_kernelEvents == _kernelReplies + _unread + lost + _notTaken, $"{what}: {_kernelEvents} = {_kernelReplies} + {_unread} + {lost} + {_notTaken}");
        Assert.True(_events == _replies + lost, $"{what}: {_events} events received, {_replies} answered, {lost} lost");

        // The engine: every event that it was given has one end.
        Assert.True(
            ledger.Given == ledger.Decided + ledger.Abandoned + ledger.Lost,
            $"{what}: {ledger.Given} events given = {ledger.Decided} decided + {ledger.Abandoned} abandoned + {ledger.Lost} lost\n{ledger.Open}");

        // What comes while the policies leave is answered by the session itself.
        var crossing = _events - ledger.Given;
        Assert.True(crossing >= 0 && crossing <= (long)_connections * SoakVm.MostVcpus, $"{what}: {_events} events received, {ledger.Given} given to the engine");
        Assert.True(_timeouts <= ledger.Late && ledger.Late - _timeouts <= _cut, $"{what}: {_timeouts} time-outs counted, {ledger.Late} given");
        engine.Flush();
        var summary = engine.GetSummary();
        CompareVotes(what, summary, ledger);
        var missing = summary.Alerts - output.Alerts + summary.Records - output.Records + ledger.Told - output.Decisions;
        Assert.True(summary.Alerts >= output.Alerts && summary.Records >= output.Records, $"{what}: more lines than there are notices");

        // An event whose thread was lost has a line as well, unless it was lost outside of a handler.
        Assert.True(
            missing <= summary.LostOutput && missing >= -ledger.Abandoned,
            $"{what}: {missing} lines of alerts, records and decisions are missing; {summary.LostOutput} are counted as lost");
        Assert.True(output.LeaseErrors.IsEmpty, $"{what}: {string.Join("; ", output.LeaseErrors.Take(5))}");
        _gone.Clear();
        _attached.Clear();
    }

    /// <summary>The figures.</summary>
    public string Report() => string.Create(CultureInfo.InvariantCulture, $"""
        kernels: {_kernelEvents} events = {_kernelReplies} replies taken + {_unread} sent while the tool closed + {_notTaken} replies sent while the kernel closed + {_lostBy.Values.Sum()} lost with their connections
        session: {_events} events = {_replies} replies + {_lostBy.Values.Sum()} lost, on {_connections} connections, {_cut} of them cut:
            {string.Join("\n    ", _lostBy.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Value} lost because {pair.Key}"))}
        faults of the simulated kernels: {string.Join(", ", _faults.Select(pair => $"{pair.Key} {pair.Value}"))}
        """);

    private static void CompareVotes(string what, EngineSummary summary, SoakLedger ledger)
    {
        var counted = summary.Policies
            .SelectMany(policy => policy.Decisions.Select(pair => (Key: (policy.Id, false, pair.Key), pair.Value))
                .Concat(policy.WouldHave.Select(pair => (Key: (policy.Id, true, pair.Key), pair.Value))))
            .Select(pair => $"{pair.Key} {pair.Value}");
        var seen = ledger.Votes.Select(pair => $"{(pair.Key.Policy, pair.Key.Audit, pair.Key.Kind)} {pair.Value}");
        var (left, right) = (counted.Order(StringComparer.Ordinal).ToArray(), seen.Order(StringComparer.Ordinal).ToArray());
        Assert.True(left.SequenceEqual(right), $"{what}: the policies' counters say [{string.Join("; ", left.Except(right))}], the votes on the events [{string.Join("; ", right.Except(left))}]");
    }

    private sealed record Leaving(VmStatus Vm, DetachReason Reason, string? Detail)
    {
        public VmCounters Counters { get; } = Vm.Counters;

        public long Open => Counters.Events - Counters.Replies;

        public bool IsInOrder => Detail is null;

        /// <summary>Why it ended, without numbers, so that equal ones are counted together.</summary>
        public string Cause => $"{Reason}: {string.Concat((Detail ?? "").Select(letter => char.IsAsciiDigit(letter) ? '#' : letter)).Replace("##", "#", StringComparison.Ordinal)}";

        public string Describe() => $"{Reason} ({Detail ?? "in order"}), {Counters.Events} events, {Counters.Replies} replies";
    }
}
