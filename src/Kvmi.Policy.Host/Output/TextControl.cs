using System.Globalization;
using System.Text;
using Kvmi.Policy.Host.Control.Contract;

namespace Kvmi.Policy.Host.Output;

/// <summary>The replies of a running host for people. Lines are joined by line feeds; text of others must not bring its own.</summary>
internal static class TextControl
{
    /// <summary>Appends a text of several lines, each of them made safe.</summary>
    public static void Append(StringBuilder line, string text)
    {
        var first = true;
        foreach (var part in text.Split('\n'))
        {
            line.Append(first ? "" : "\n").AppendSafe(part);
            first = false;
        }
    }

    public static string Of(HostReply host)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"host {host.Version}, process {host.Pid}, up {Uptime(host.UptimeSeconds)}\n");
        text.Append(CultureInfo.InvariantCulture,
            $"policies: generation {host.Generation} with {Words.Count(host.Policies, "policy", "policies")}, {Words.Count(host.Reloads, "reload")}, {host.FailedReloads} failed\n");
        text.Append(CultureInfo.InvariantCulture, $"switch over all policies: {host.Master}\n");
        text.Append(CultureInfo.InvariantCulture, $"events: {host.Events}, {host.EventsPerSecond:0.#}/s; {Words.Count(host.Alerts, "alert")}\n");
        text.Append(CultureInfo.InvariantCulture,
            $"deadlines: {host.Timeouts} passed, {Words.Count(host.LateResults, "late result")}, {Words.Count(host.AbandonedThreads, "thread")} abandoned now\n");
        text.Append(CultureInfo.InvariantCulture,
            $"output: {host.WaitingOutput} lines wait, {host.LostOutput} lost; harmless decisions {(host.AllDecisions ? "remembered" : "not remembered")}\n");
        text.Append("listening on ").AppendJoin(", ", host.Endpoints.Select(OneLine));
        foreach (var code in host.PinnedCode)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\nstill in memory: {(code.Plugin is { } plugin ? $"plugin {OneLine(plugin)}" : "scripts")} of generation {code.Generation}, after {code.Collections} collections");
        }

        foreach (var sink in host.Sinks)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nsink {OneLine(sink.Sink)}: {Words.Count(sink.Delivered, "line")} delivered, {sink.Waiting} wait, {sink.Lost} lost");
            text.Append(sink.Failing ? "; does not work now" : "");
        }

        foreach (var vm in host.Vms)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\nvm {OneLine(vm.Name)}: {vm.Dialect}, {Words.Count(vm.Vcpus, "vCPU")}, {vm.Events} events, {vm.EventsPerSecond:0.#}/s, generation {vm.Generation}, {vm.Master}; ");
            text.Append(CultureInfo.InvariantCulture, $"{vm.InService} in service, {vm.Quarantined} quarantined, {vm.Refused} refused; ");
            text.Append(CultureInfo.InvariantCulture, $"decision {Times(vm.DecisionTime)}; {Leases(vm.Leases)}, {Words.Count(vm.Leases.Breakpoints, "breakpoint")}");
        }

        return host.Vms.Count == 0 ? text.Append("\nno VM is attached").ToString() : text.ToString();
    }

    public static string Of(PolicyReply policy)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{policy.Id} {policy.Version}: {policy.Mode.Effective} ({Source(policy.Mode)})");
        foreach (var state in policy.Vms.GroupBy(vm => vm.State))
        {
            text.Append(CultureInfo.InvariantCulture, $", {Service(state.Key)} on {Words.Count(state.Count(), "VM")}");
        }

        text.Append(CultureInfo.InvariantCulture,
            $"\n    {policy.Events} votes ({Kinds(policy.Decisions)}; would have: {Kinds(policy.WouldHave)}), {Words.Count(policy.Alerts, "alert")}, {Words.Count(policy.Errors, "error")}, {Words.Count(policy.Timeouts, "time-out")}");
        text.Append(CultureInfo.InvariantCulture, $"\n    decision {Times(policy.DecisionTime)}; {Leases(policy.Leases)}");
        foreach (var parameter in policy.Parameters)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n    {parameter.Name} = {OneLine(parameter.Value)} ({parameter.Type}, from the {parameter.Source})");
        }

        foreach (var vm in policy.Facts.GroupBy(fact => fact.Vm))
        {
            text.Append("\n    ").AppendJoin(", ", vm.Select(fact => string.Create(CultureInfo.InvariantCulture, $"{OneLine(fact.Name)} {fact.Value}")));
            text.Append(" [").Append(OneLine(vm.Key)).Append(']');
        }

        foreach (var vm in policy.Vms.Where(vm => vm.Reason is not null))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n    {(vm.State == "refused" ? "refused on" : "on")} {OneLine(vm.Vm)}: {OneLine(vm.Reason!)}");
        }

        return text.ToString();
    }

    public static string Of(ModeReply mode) => mode.Policy is null
        ? $"The switch over all policies is now: {mode.Mode}."
        : $"{mode.Policy}: switched to {mode.Mode}, in force: {mode.Effective}. Each VM takes it over before its next event.";

    public static string Of(DecisionReply decision)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"#{decision.Number} {decision.At.UtcDateTime:HH:mm:ss.fff} {OneLine(decision.Vm ?? "")} vcpu {decision.Vcpu}: ");
        var isNamed = decision.Subject.StartsWith(decision.Event, StringComparison.Ordinal);
        text.Append(isNamed ? "" : $"{decision.Event} ").Append(decision.Subject).Append(" at rip ").Append(decision.Rip);
        text.Append(decision.Wanted is { } wanted ? $", the guest wanted {wanted}" : "");
        text.Append("\n    in force: ").Append(decision.Decision).Append(decision.Value is { } value ? $" {value}" : "");
        text.Append(", decided in ").Append(Words.Nanoseconds(decision.Nanoseconds));
        foreach (var vote in decision.Votes)
        {
            text.Append("\n    ").Append(vote.Policy).Append(vote.Mode == "audit" ? " would " : " votes ").Append(vote.Decision);
            text.Append(vote.Value is { } number ? $" {number}" : "").Append(vote.Mode == "audit" ? " (audit: does not count)" : "");
            text.Append(vote.Failed ? " (its handler failed: this is its onError or onTimeout)" : "");
        }

        // The votes stand above; what follows them is about the event as a whole.
        var note = decision.Votes.Count == 0 ? 0 : decision.Reason.IndexOf("; ", StringComparison.Ordinal);
        if (decision.Reason.IndexOf(", and ", StringComparison.Ordinal) is var more and >= 0)
        {
            text.Append("\n    ").Append(OneLine(decision.Reason[(more + 2)..]));
        }
        else if (note >= 0 && decision.Reason != "no policy voted")
        {
            text.Append("\n    besides: ").Append(OneLine(decision.Reason[note..].TrimStart(';', ' ')));
        }

        return text.Append("\n    why: ").Append(OneLine(decision.Why ?? decision.Reason)).ToString();
    }

    private static string Source(PolicyModesReply mode) => mode switch
    {
        { Master: not "as-written" } => "by the switch over all policies",
        { Switch: { } set } when set == mode.Effective => $"by a switch; the file says {mode.File}",
        { Option: not null } => $"by --mode; the file says {mode.File}",
        _ => "by its file",
    };

    private static string Service(string state) => state == "inService" ? "in service" : state;

    private static string Leases(LeasesReply leases) =>
        $"{Words.Count(leases.Traps, "trap")}, {Words.Count(leases.Pages, "page")}, {Words.Count(leases.Patches, "patch", "patches")}";

    private static string Times(TimesReply times) =>
        $"p50 {Words.Nanoseconds(times.P50)}, p99 {Words.Nanoseconds(times.P99)}, max {Words.Nanoseconds(times.Max)}";

    private static string Kinds(IReadOnlyDictionary<string, long> kinds) =>
        kinds.Count == 0 ? "none" : string.Join(", ", kinds.Select(kind => string.Create(CultureInfo.InvariantCulture, $"{kind.Value} {kind.Key}")));

    private static string Uptime(double seconds) => TimeSpan.FromSeconds(Math.Floor(seconds)).ToString("c", CultureInfo.InvariantCulture);

    private static string OneLine(string text) => text.Replace("\n", "\\n", StringComparison.Ordinal);
}
