using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Metrics;

/// <summary>Every metric of a host, for the Prometheus page, the meter and metrics.md alike. All read counters that are there anyway.</summary>
internal sealed class MetricCatalogue
{
    private const int MaxFacts = 64;
    private static readonly string[] None = [];
    private static readonly string[] Vm = ["vm", "vm_uuid"];
    private static readonly string[] Policy = ["policy"];

    private readonly HostView _host;

    public MetricCatalogue(HostView host) => _host = host;

    /// <summary>All metrics, in the order of the page.</summary>
    public static IReadOnlyList<MetricFamily> Families { get; } = [.. OfHost(), .. OfVms(), .. OfPolicies(), .. OfDeadlines(), .. OfControl(), .. OfSinks()];

    /// <summary>Looks at the host.</summary>
    public HostReading Read() => new(_host);

    private static IEnumerable<MetricFamily> OfHost() =>
    [
        Gauge("build_info", "{build}", "Always 1; the label is the version of the host.", ["version"], _ => [new([Program.Version], 1)]),
        Gauge("start_time_seconds", "s", "When the host began to listen, in seconds since 1970.", None,
            host => One(host.Host.Started.ToUnixTimeMilliseconds() / 1e3)),
        Gauge("generation", "{generation}", "Number of the live generation of policies.", None, host => One(host.Summary.Generation)),
        Gauge("master_mode", "{mode}", "1 for the position of the switch over all policies, 0 for the others.", ["mode"],
            host => Enum.GetValues<MasterMode>().Select(mode => new MetricSample([Replies.WordOf(mode)], mode == host.Master ? 1 : 0))),
        Counter("reloads_total", "{reload}", "Reloads since the first load, by what became of them.", ["result"],
            host => [new(["ok"], host.Host.Policies.Reloads), new(["failed"], host.Host.Policies.FailedReloads)]),
        Gauge("pinned_code", "{plugin}", "Plugins and script sets of superseded generations that something holds in memory.", None,
            host => One(host.Host.Policies.PinnedCode.Count)),
        Counter("events_answered_total", "{event}", "Events answered since the start, on all VMs, those that are gone included.", None,
            host => One(host.Host.Server.EventsAnswered)),
        Gauge("output_waiting_lines", "{line}", "Lines of output that wait to be written.", None, host => One(host.Host.Engine.WaitingOutput)),
        Counter("output_lost_lines_total", "{line}", "Lines of output that were lost because the output was too slow.", None,
            host => One(host.Summary.LostOutput)),
    ];

    private static IEnumerable<MetricFamily> OfVms() =>
    [
        Gauge("vms", "{vm}", "VMs that are attached now.", None, host => One(host.Vms.Count)),
        Gauge("vm_vcpus", "{vcpu}", "vCPUs of a VM.", [.. Vm, "dialect"], host => host.Vms.Select(vm => Of(vm.Labels, vm.Vm.VcpuCount, vm.Vm.Dialect))),
        Counter("events_total", "{event}", "Events that reached the policies of a VM, by kind.", [.. Vm, "event"],
            host => host.EngineVms.SelectMany(vm => vm.Vm.Events.Select(count => Of(vm.Labels, count.Value, Words.Of(count.Key))))),
        Counter("replies_total", "{reply}", "Replies to events.", Vm, host => host.Vms.Select(vm => Of(vm.Labels, vm.Vm.Counters.Replies))),
        Counter("commands_total", "{command}", "Commands sent to the hypervisor.", Vm, host => host.Vms.Select(vm => Of(vm.Labels, vm.Vm.Counters.Commands))),
        Counter("command_errors_total", "{command}", "Commands that the hypervisor answered with an error.", Vm,
            host => host.Vms.Select(vm => Of(vm.Labels, vm.Vm.Counters.CommandErrors))),
        Counter("handler_errors_total", "{error}", "Exceptions and illegal answers of the whole policy engine, not of a policy.", Vm,
            host => host.Vms.Select(vm => Of(vm.Labels, vm.Vm.Counters.HandlerErrors))),
        Gauge("leases", "{lease}", "Leases that policies hold on a VM, by kind; a trap counts once for each policy that wants it.", [.. Vm, "kind"],
            host => host.EngineVms.SelectMany(vm => LeasesOf(vm.Labels, vm.Vm.Leases))),
        Gauge("policies", "{policy}", "Policies on a VM, by state.", [.. Vm, "state"], host => host.EngineVms.SelectMany(vm =>
            Enum.GetValues<PolicyServiceState>().Select(state =>
                Of(vm.Labels, vm.Vm.Policies.Count(policy => policy.State == state), StateWord(state))))),
        Times("vm_decision_seconds", "Time from the start of an event in the engine to its decision, carried out, on one VM.", Vm,
            host => host.EngineVms.Select(vm => new MetricSample(vm.Labels, 0, vm.Vm.DecisionTime))),
        Gauge("vm_decision_max_seconds", "s", "Longest such time since the VM was attached.", Vm,
            host => host.EngineVms.Select(vm => Of(vm.Labels, vm.Vm.DecisionTime.Max / 1e9))),
    ];

    private static IEnumerable<MetricFamily> OfPolicies() =>
    [
        Counter("decisions_total", "{vote}", "Votes that counted, by policy and decision, on all VMs.", [.. Policy, "decision"],
            host => host.Statistics.SelectMany(policy => ByKind(policy.Label, policy.Policy.Decisions))),
        Counter("would_have_total", "{vote}", "Votes of policies in audit mode, by policy and decision: what they would have done.", [.. Policy, "decision"],
            host => host.Statistics.SelectMany(policy => ByKind(policy.Label, policy.Policy.WouldHave))),
        Counter("alerts_total", "{alert}", "Alerts.", Policy, host => Each(host, policy => policy.Alerts)),
        Counter("suppressed_alerts_total", "{alert}", "Alerts that dedupe, throttle or the rate kept back.", Policy, host => Each(host, policy => policy.SuppressedAlerts)),
        Counter("records_total", "{record}", "Records.", Policy, host => Each(host, policy => policy.Records)),
        Counter("errors_total", "{error}", "Errors of handlers, time-outs included.", Policy, host => Each(host, policy => policy.Errors)),
        Counter("timeouts_total", "{error}", "Events whose time-out a policy has passed.", Policy, host => Each(host, policy => policy.Timeouts)),
        Gauge("fact", "{fact}", "A number that a policy or plugin publishes under a name of its own (Facts), summed over all VMs, those that are gone included.",
            [.. Policy, "fact"], host => host.Statistics.SelectMany(policy => FactsOf(policy.Label, policy.Policy))),
        Times("decision_seconds", "Time from the start of an event in the engine to its decision, carried out, of the events that a policy voted on.", Policy,
            host => host.Statistics.Select(policy => new MetricSample([policy.Label], 0, policy.Policy.Latency))),
        Gauge("decision_max_seconds", "s", "Longest such time since the start.", Policy, host => Each(host, policy => policy.Latency.Max / 1e9)),
    ];

    private static IEnumerable<MetricFamily> OfDeadlines() =>
    [
        Counter("deadline_answers_total", "{event}", "Events that were answered at their deadline, in place of the policies.", None,
            host => One(host.Deadlines.Timeouts)),
        Counter("late_results_total", "{result}", "Results that came after their event had been answered, and were dropped.", None,
            host => One(host.Deadlines.LateResults)),
        Counter("abandoned_threads_total", "{thread}", "Threads that policies have kept and that were replaced.", None,
            host => One(host.Deadlines.AbandonedThreads)),
        Gauge("abandoned_threads", "{thread}", "Those of them that have not come back.", None, host => One(host.Deadlines.AbandonedNow)),
        Gauge("deadline_lateness_seconds", "s", "Time from a deadline to the answer: median, 99th percentile and maximum since the start.", ["quantile"],
            host =>
            [
                new(["0.5"], host.Deadlines.P50Lateness.TotalSeconds),
                new(["0.99"], host.Deadlines.P99Lateness.TotalSeconds),
                new(["1"], host.Deadlines.MaxLateness.TotalSeconds),
            ]),
        Counter("gc_pause_seconds_total", "s", "Time for which garbage collections have stopped every thread.", None,
            host => One(host.Deadlines.TotalGcPause.TotalSeconds)),
        Gauge("gc_pause_max_seconds", "s", "The longest such stop.", None, host => One(host.Deadlines.MaxGcPause.TotalSeconds)),
    ];

    private static IEnumerable<MetricFamily> OfControl() =>
    [
        Gauge("tail_readers", "{reader}", "Readers of tail now.", None, host => One(host.Host.Feed.Readers)),
        Counter("tail_lost_lines_total", "{line}", "Lines that slow readers of tail have lost.", None, host => One(host.Host.Feed.Lost)),
        Counter("control_refused_total", "{connection}", "Connections of other users to the control socket that were refused.", None,
            host => One(host.Host.RefusedPeers)),
    ];

    // At most sixteen sinks, named by the one who started the host: the label is bounded.
    private static IEnumerable<MetricFamily> OfSinks() =>
    [
        Counter("sink_lines_total", "{line}", "Lines that a sink took.", ["sink"], host => Sinks(host, sink => sink.Delivered)),
        Counter("sink_lost_lines_total", "{line}", "Lines that a sink did not get: no room while they waited, or refused.", ["sink"], host => Sinks(host, sink => sink.Lost)),
        Counter("sink_failures_total", "{try}", "Tries to deliver that failed.", ["sink"], host => Sinks(host, sink => sink.Failures)),
        Gauge("sink_waiting_lines", "{line}", "Lines that wait for a sink.", ["sink"], host => Sinks(host, sink => sink.Waiting)),
        Gauge("sink_failing", "{sink}", "1 while the last try of a sink has failed, else 0.", ["sink"], host => Sinks(host, sink => sink.IsFailing ? 1 : 0)),
    ];

    private static IEnumerable<MetricSample> Sinks(HostReading host, Func<SinkState, double> value) =>
        host.Sinks.Select(sink => new MetricSample([sink.Name], value(sink)));

    private static MetricFamily Counter(string name, string unit, string help, string[] labels, Func<HostReading, IEnumerable<MetricSample>> read) =>
        new($"kvmi_policy_{name}", MetricKind.Counter, unit, help, labels, read);

    private static MetricFamily Gauge(string name, string unit, string help, string[] labels, Func<HostReading, IEnumerable<MetricSample>> read) =>
        new($"kvmi_policy_{name}", MetricKind.Gauge, unit, help, labels, read);

    private static MetricFamily Times(string name, string help, string[] labels, Func<HostReading, IEnumerable<MetricSample>> read) =>
        new($"kvmi_policy_{name}", MetricKind.Histogram, "s", help, labels, read);

    private static MetricSample[] One(double value) => [new([], value)];

    private static MetricSample Of(string[] labels, double value, params string[] more) => new([.. labels, .. more], value);

    private static IEnumerable<MetricSample> Each(HostReading host, Func<PolicyStatistics, double> value) =>
        host.Statistics.Select(policy => new MetricSample([policy.Label], value(policy.Policy)));

    private static IEnumerable<MetricSample> ByKind(string policy, Func<DecisionKind, long> count) =>
        Enum.GetValues<DecisionKind>().Select(kind => new MetricSample([policy, Words.Of(kind)], count(kind)));

    // Names are the policy's: 64 for each VM. More of them than that share one label.
    private static IEnumerable<MetricSample> FactsOf(string policy, PolicyStatistics statistics) => statistics.Facts
        .GroupBy(fact => fact.Key.Name, (name, facts) => (Name: HostReading.Cut(name), Sum: facts.Sum(fact => (double)fact.Value.Value)))
        .OrderBy(fact => fact.Name, StringComparer.Ordinal)
        .Select((fact, index) => new MetricSample([policy, index < MaxFacts ? fact.Name : "_other"], fact.Sum));

    private static string StateWord(PolicyServiceState state) => state switch
    {
        PolicyServiceState.InService => "in_service",
        PolicyServiceState.Quarantined => "quarantined",
        _ => "refused",
    };

    private static IEnumerable<MetricSample> LeasesOf(string[] labels, LeaseCounts leases) =>
        [Of(labels, leases.Traps, "trap"), Of(labels, leases.Pages, "page"), Of(labels, leases.Patches, "patch"), Of(labels, leases.Breakpoints, "breakpoint")];
}
