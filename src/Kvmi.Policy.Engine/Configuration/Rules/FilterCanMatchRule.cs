using Kvmi.Policy.Engine.Configuration.Filters;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>
/// A subscription whose filter no event can match protects nothing, and its author believes that it does. An exception that no event can match
/// silences nothing, which is a warning.
/// </summary>
internal sealed class FilterCanMatchRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        var nodes = context.Spec["subscriptions"]!.Items;
        for (var i = 0; i < policy.Subscriptions.Count && i < nodes.Count; i++)
        {
            if (FindReason(policy, policy.Subscriptions[i]) is { } reason)
            {
                context.Findings.Error(nodes[i]["when"] ?? nodes[i], FindingCodes.FilterNeverMatches, $"No event can match: {reason}.", "correct the filter, or remove the subscription");
            }
        }

        var exceptions = context.Spec["exceptions"]?.Items ?? [];
        for (var i = 0; i < policy.Exceptions.Count && i < exceptions.Count; i++)
        {
            CheckException(context, policy, policy.Exceptions[i], exceptions[i]);
        }
    }

    private static void CheckException(PolicyContext context, PolicyDefinition policy, PolicyException exception, YamlNode node)
    {
        var kinds = policy.Subscriptions.Select(subscription => subscription.Event).Distinct().ToArray();
        var reasons = kinds.Select(kind => FilterReason.Find(kind, exception.Filter)).ToArray();
        if (reasons.Length > 0 && reasons.All(reason => reason is not null))
        {
            context.Findings.Warning(
                node["when"]!, FindingCodes.ExceptionNeverMatches, $"No event can match this exception: {reasons[0]}.", "correct it, or remove it: everything it was meant for still raises alerts");
        }
    }

    private static string? FindReason(PolicyDefinition policy, PolicySubscription subscription)
    {
        var filter = subscription.Filter;
        var targets = policy.Target.Vcpus;
        if (targets.Count > 0 && targets.All(range => range.First > ushort.MaxValue) && FilterReason.IsKnown(targets))
        {
            return "vCPUs have the numbers 0 to 65535, and spec.target names others only";
        }

        return FilterReason.IsKnown(filter.Vcpus) && FilterReason.IsKnown(targets) && !ValueSets.Overlap(filter.Vcpus, targets)
            ? "the vCPUs of the filter are not among those of spec.target"
            : FilterReason.Find(subscription.Event, filter) ?? FindUnwatched(policy, subscription);
    }

    // Code may restrict other pages, and ask for steps, at run time; a policy without code has its watches alone.
    private static string? FindUnwatched(PolicyDefinition policy, PolicySubscription subscription)
    {
        if (!policy.Code.IsNone)
        {
            return null;
        }

        if (subscription.Event == EventKind.Singlestep)
        {
            return "single steps come to the policy that asked for them, and only a handler can ask";
        }

        return subscription.Event != EventKind.PageFault ? null
            : policy.Watch.Count == 0 ? "page faults come for pages that the policy restricts, and it has neither watch nor code"
            : FindUnwatchedPages(policy, subscription.Filter);
    }

    private static string? FindUnwatchedPages(PolicyDefinition policy, EventFilter filter)
    {
        var near = policy.Watch.Where(watch => filter.Gpa.Count == 0 || ValueSets.Overlap(filter.Gpa, watch.Ranges)).ToArray();
        if (near.Length == 0)
        {
            return "none of its addresses is in a watched range";
        }

        return filter.Access is { } access && near.All(watch => (access & ~watch.Access) == 0)
            ? "the watches forbid none of the accesses that it looks for"
            : null;
    }
}
