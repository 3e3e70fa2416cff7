using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.Running;

/// <summary>Makes the closing lines of a run.</summary>
internal static class RunSummary
{
    /// <summary>One line for each policy of the live generation, in its order.</summary>
    public static IEnumerable<PolicySummaryOutput> OfPolicies(Generation generation, DateTimeOffset time) =>
        generation.Policies.Select(policy => Of(policy, time));

    private static PolicySummaryOutput Of(GenerationPolicy policy, DateTimeOffset time)
    {
        var statistics = policy.Statistics;
        return new PolicySummaryOutput
        {
            Time = time,
            Policy = policy.Definition.Id,
            Version = policy.Definition.Version,
            Mode = policy.Definition.Mode,
            Events = statistics.Events,
            Decisions = Counts(statistics.Decisions),
            WouldHave = Counts(statistics.WouldHave),
            Alerts = statistics.Alerts,
            SuppressedAlerts = statistics.SuppressedAlerts,
            Records = statistics.Records,
            Errors = statistics.Errors,
            P50 = statistics.Latency.Quantile(0.5),
            P99 = statistics.Latency.Quantile(0.99),
            Facts = Facts(statistics),
        };
    }

    private static List<KeyValuePair<DecisionKind, long>> Counts(Func<DecisionKind, long> count) =>
        [.. Enum.GetValues<DecisionKind>().Select(kind => KeyValuePair.Create(kind, count(kind))).Where(entry => entry.Value > 0)];

    private static List<(string Vm, string Name, long Value)> Facts(PolicyStatistics statistics) =>
        [.. statistics.Facts.Select(fact => (fact.Key.Vm, fact.Key.Name, fact.Value.Value)).OrderBy(fact => fact.Vm, StringComparer.Ordinal).ThenBy(fact => fact.Name, StringComparer.Ordinal)];
}
