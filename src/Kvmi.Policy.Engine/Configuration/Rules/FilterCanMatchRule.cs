using System.Numerics;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>A subscription whose filter no event can match protects nothing, and its author believes that it does.</summary>
internal sealed class FilterCanMatchRule : IPolicyRule
{
    private const ulong LastVector = 31;

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
    }

    private static string? FindReason(PolicyDefinition policy, PolicySubscription subscription)
    {
        var filter = subscription.Filter;
        if (filter.Vcpus.Count > 0 && policy.Target.Vcpus.Count > 0 && !Overlap(filter.Vcpus, policy.Target.Vcpus))
        {
            return "the vCPUs of the filter are not among those of spec.target";
        }

        if (filter.Vectors.Count > 0 && filter.Vectors.All(range => range.First > LastVector))
        {
            return "exceptions have the vectors 0 to 31";
        }

        return FindContradiction(filter) ?? FindUnwatched(policy, subscription);
    }

    private static string? FindContradiction(EventFilter filter)
    {
        var set = filter.SetBits ?? 0;
        var cleared = filter.ClearedBits ?? 0;
        if (set != 0 && set == cleared && BitOperations.IsPow2(set))
        {
            return "one bit cannot be set and cleared by the same write";
        }

        return AllLack(filter.NewValues, set, inverted: false) ? "none of the new values has one of the bits that are to be set"
            : AllLack(filter.OldValues, set, inverted: true) ? "every old value has the bits already that are to be set"
            : AllLack(filter.OldValues, cleared, inverted: false) ? "none of the old values has one of the bits that are to be cleared"
            : AllLack(filter.NewValues, cleared, inverted: true) ? "every new value keeps the bits that are to be cleared"
            : null;
    }

    // Ranges of more than one value are left alone: they hold nearly every bit, and a wrong finding is worse than a missing one.
    private static bool AllLack(IReadOnlyList<ValueRange> values, ulong bits, bool inverted) =>
        bits != 0
        && values.Count > 0
        && values.All(range => range.First == range.Last && ((inverted ? ~range.First : range.First) & bits) == 0);

    // Code may restrict other pages at run time; a policy without code has its watches alone.
    private static string? FindUnwatched(PolicyDefinition policy, PolicySubscription subscription)
    {
        if (subscription.Event != EventKind.PageFault || !policy.Code.IsNone || policy.Watch.Count == 0)
        {
            return null;
        }

        var filter = subscription.Filter;
        var near = policy.Watch.Where(watch => filter.Gpa.Count == 0 || Overlap(filter.Gpa, watch.Ranges)).ToArray();
        if (near.Length == 0)
        {
            return "none of its addresses is in a watched range";
        }

        return filter.Access is { } access && near.All(watch => (access & ~watch.Access) == 0)
            ? "the watches forbid none of the accesses that it looks for"
            : null;
    }

    private static bool Overlap(IReadOnlyList<ValueRange> left, IReadOnlyList<ValueRange> right) =>
        left.Any(a => right.Any(b => a.First <= b.Last && b.First <= a.Last));
}
