using System.Globalization;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Control.Contract;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Control;

/// <summary>From the host's numbers to the replies of the control socket.</summary>
internal static class Replies
{
    /// <summary>as-written, audit or off, as on the command line.</summary>
    public static string WordOf(MasterMode mode) => mode == MasterMode.AsWritten ? "as-written" : Words.CamelCase(mode.ToString());

    public static string WordOf(PolicyMode mode) => Words.CamelCase(mode.ToString());

    public static HostReply Status(HostView host)
    {
        var summary = host.Engine.GetSummary();
        var deadlines = host.Server.Deadlines;
        var policies = host.Engine.GetVms().ToLookup(vm => vm.Uuid);
        return new HostReply
        {
            Version = Program.Version,
            Pid = Environment.ProcessId,
            Started = host.Started,
            UptimeSeconds = Math.Round((host.Time.GetUtcNow() - host.Started).TotalSeconds, 3),
            Generation = summary.Generation,
            Policies = host.Engine.GetDefinitions().Count,
            Master = WordOf(host.Engine.MasterMode),
            AllDecisions = host.Engine.EmitAllDecisions,
            Events = host.Server.EventsAnswered,
            EventsPerSecond = Math.Round(host.Rates.Total, 1),
            Alerts = summary.Alerts,
            Reloads = host.Policies.Reloads,
            FailedReloads = host.Policies.FailedReloads,
            Timeouts = deadlines.Timeouts,
            LateResults = deadlines.LateResults,
            AbandonedThreads = deadlines.AbandonedNow,
            WaitingOutput = host.Engine.WaitingOutput,
            LostOutput = summary.LostOutput,
            PinnedCode = host.Policies.PinnedCode,
            Endpoints = [.. host.Server.Endpoints.Select(endpoint => endpoint.ToString())],
            Sinks = [.. (host.Feed.Sinks?.States ?? []).Select(Sink)],
            Vms = [.. host.Server.Vms.Select(vm => Vm(host, vm, policies[vm.Identity.Uuid].FirstOrDefault()))],
        };
    }

    private static SinkReply Sink(SinkState sink) => new()
    {
        Sink = sink.Name,
        Delivered = sink.Delivered,
        Lost = sink.Lost,
        Waiting = sink.Waiting,
        Failures = sink.Failures,
        Failing = sink.IsFailing,
    };

    public static IReadOnlyList<PolicyReply> Policies(HostView host)
    {
        var summaries = host.Engine.GetSummary().Policies.ToDictionary(policy => policy.Id);
        var vms = host.Engine.GetVms();
        return [.. host.Engine.GetDefinitions()
            .Where(definition => summaries.ContainsKey(definition.Id))
            .Select(definition => Policy(host, definition, summaries[definition.Id], vms))];
    }

    public static ReloadReply Reload(ReloadReport report) => new(
        report.Success,
        report.Generation,
        report.Policies,
        Math.Round(report.BuildTime.TotalMilliseconds, 1),
        report.ChangedFiles,
        [.. report.Findings.Select(Finding)])
    {
        ShadowGeneration = report.IsShadow ? report.ShadowGeneration : null,
        Changes =
        [
            .. report.PolicyChanges.Select(change => new PolicyChangeReply(
                change.Policy, Words.CamelCase(change.Kind.ToString()), change.VersionBefore, change.Version, change.KeepsState)),
        ],
        Times = new(
            ReloadFields.Milliseconds(report.SettleTime),
            ReloadFields.Milliseconds(report.ReadTime),
            ReloadFields.Milliseconds(report.CompileTime),
            ReloadFields.Milliseconds(report.LoadTime),
            ReloadFields.Milliseconds(report.TestTime),
            ReloadFields.Milliseconds(report.SwapTime)),
        CompiledScripts = report.CompiledScripts,
        CachedScripts = report.CachedScripts,
        TestsPassed = report.TestsPassed,
        TestsFailed = report.TestsFailed,
        GenerationsAlive = report.GenerationsAlive,
        EarlierGenerations =
        [
            .. report.EarlierGenerations.Select(generation => new EarlierGenerationReply(
                generation.Number, Words.CamelCase(generation.Hold.ToString()), generation.Code)),
        ],
    };

    public static DecisionReply Decision(long number, DecisionOutput decision) => new()
    {
        Number = number,
        At = decision.Time,
        Vm = decision.Vm,
        Vcpu = decision.Vcpu,
        Event = Words.Of(decision.Event),
        Subject = decision.Subject,
        Rip = Words.Hex(decision.Rip),
        Wanted = Hex(decision.Wanted),
        Decision = Words.Of(decision.Decision),
        Value = Hex(decision.Value),
        WouldHave = decision.WouldHave is { } would ? Words.Of(would) : null,
        Policy = decision.Policy,
        Reason = decision.Reason,
        Why = DecisionExplanation.Why(decision.Decision, decision.Votes, decision.WouldHave),
        Nanoseconds = decision.Nanoseconds,
        Votes =
        [
            .. decision.Votes.Select(vote =>
                new VoteReply(vote.Policy, Words.Of(vote.Decision), Hex(vote.Value), vote.IsAudit ? "audit" : "enforce", vote.Failed)),
        ],
    };

    /// <summary>The mode of a policy and where it comes from.</summary>
    public static PolicyModesReply Modes(HostView host, PolicyDefinition definition)
    {
        var master = host.Engine.MasterMode;
        var given = host.Engine.PolicySwitch(definition.Id);
        var isRefused = given == PolicyMode.Enforce && definition.Status == "experimental";
        var mode = given is null || isRefused ? definition.Mode : given.Value;
        return new PolicyModesReply(
            WordOf(definition.FileMode),
            host.ModeOption is { } option ? WordOf(option) : null,
            given is { } set ? WordOf(set) : null,
            WordOf(master),
            master == MasterMode.AsWritten ? WordOf(mode) : WordOf(master));
    }

    private static VmReply Vm(HostView host, Session.VmStatus vm, VmPolicySummary? policies) => new()
    {
        Name = Running.VmWatcher.NameOf(vm.Identity),
        Uuid = vm.Identity.Uuid,
        Dialect = vm.Dialect,
        Vcpus = vm.VcpuCount,
        Events = vm.Counters.Events,
        EventsPerSecond = Math.Round(host.Rates.Of(vm), 1),
        Generation = policies?.Generation ?? 0,
        Master = WordOf(policies?.MasterMode ?? host.Engine.MasterMode),
        InService = Count(policies, PolicyServiceState.InService),
        Quarantined = Count(policies, PolicyServiceState.Quarantined),
        Refused = Count(policies, PolicyServiceState.Refused),
        DecisionTime = TimesReply.Of(policies?.DecisionTime ?? new LatencyHistogram()),
        Leases = policies is null ? new LeasesReply(0, 0, 0, 0) : Leases(policies.Leases),
    };

    private static PolicyReply Policy(HostView host, PolicyDefinition definition, PolicySummary summary, IReadOnlyList<VmPolicySummary> vms)
    {
        var here = vms.SelectMany(vm => vm.Policies.Where(policy => policy.Id == definition.Id).Select(policy => (vm, policy))).ToList();
        return new PolicyReply
        {
            Id = definition.Id,
            Version = definition.Version,
            Title = definition.Title,
            Status = definition.Status,
            File = definition.File,
            Mode = Modes(host, definition),
            Events = summary.Events,
            Decisions = summary.Decisions.ToDictionary(pair => Words.Of(pair.Key), pair => pair.Value),
            WouldHave = summary.WouldHave.ToDictionary(pair => Words.Of(pair.Key), pair => pair.Value),
            Alerts = summary.Alerts,
            SuppressedAlerts = summary.SuppressedAlerts,
            Records = summary.Records,
            Errors = summary.Errors,
            Timeouts = summary.Timeouts,
            DecisionTime = new TimesReply(summary.Events, summary.P50Nanoseconds, summary.P99Nanoseconds, summary.MaxNanoseconds),
            Leases = new LeasesReply(
                here.Sum(entry => entry.policy.Traps), here.Sum(entry => entry.policy.Pages), here.Sum(entry => entry.policy.Patches), 0),
            Vms = [.. here.Select(entry => new PolicyVmReply(entry.vm.Vm, entry.vm.Uuid, Words.CamelCase(entry.policy.State.ToString()), entry.policy.Reason))],
            Facts = [.. summary.Facts.Select(fact => new FactReply(fact.Vm, fact.Name, fact.Value))],
            Parameters =
            [
                .. definition.Parameters.Values.OrderBy(parameter => parameter.Name, StringComparer.Ordinal).Select(parameter => new ParameterReply(
                    parameter.Name,
                    Words.CamelCase(parameter.Type.ToString()) + (parameter.IsList ? "[]" : ""),
                    Text(parameter.Value),
                    parameter.Source == ParameterSource.Default ? "file" : "site")),
            ],
        };
    }

    private static string Text(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        ulong number => Words.Hex(number),
        IReadOnlyList<object> items => $"[{string.Join(", ", items.Select(Text))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static FindingReply Finding(Finding finding) => new(
        finding.Location.File,
        finding.Location.Line,
        finding.Location.Column,
        Words.CamelCase(finding.Severity.ToString()),
        finding.Code,
        finding.Message,
        finding.Hint);

    private static LeasesReply Leases(LeaseCounts leases) => new(leases.Traps, leases.Pages, leases.Patches, leases.Breakpoints);

    private static int Count(VmPolicySummary? vm, PolicyServiceState state) => vm?.Policies.Count(policy => policy.State == state) ?? 0;

    private static string? Hex(ulong? value) => value is { } number ? Words.Hex(number) : null;
}
