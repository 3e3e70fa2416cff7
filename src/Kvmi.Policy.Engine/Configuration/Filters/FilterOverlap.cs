using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Filters;

/// <summary>Is there an event that two subscriptions both match? Says yes only where there is one for certain.</summary>
internal static class FilterOverlap
{
    /// <summary>Is there?</summary>
    public static bool Exists(PolicyDefinition leftPolicy, PolicySubscription left, PolicyDefinition rightPolicy, PolicySubscription right)
    {
        var (a, b) = (left.Filter, right.Filter);
        return left.Event == right.Event
            && Same(a.Cr, b.Cr)
            && Same(a.Xcr, b.Xcr)
            && Same(a.Cpl, b.Cpl)
            && Same(a.Descriptor, b.Descriptor)
            && Same(a.DescriptorWrite, b.DescriptorWrite)
            && Same(a.Failed, b.Failed)
            && ValueSets.Overlap(a.Msrs, b.Msrs)
            && ValueSets.Overlap(a.Gva, b.Gva)
            && ValueSets.Overlap(a.Rip, b.Rip)
            && ValueSets.Overlap(a.Cr3, b.Cr3)
            && ValueSets.Overlap(a.Vectors, b.Vectors)
            && ValueSets.Overlap(a.Functions, b.Functions)
            && ValueSets.Overlap(a.Indexes, b.Indexes)
            && AllOverlap(a.Vcpus, b.Vcpus, leftPolicy.Target.Vcpus, rightPolicy.Target.Vcpus)
            && (left.Event == EventKind.PageFault ? PagesOverlap(leftPolicy, a, rightPolicy, b) : ValueSets.Overlap(a.Gpa, b.Gpa))
            && RegisterWrites.Exists(0, a, b) == true
            && TargetsOverlap(leftPolicy.Target, rightPolicy.Target);
    }

    private static bool Same<T>(T? left, T? right)
        where T : struct => left is null || right is null || EqualityComparer<T>.Default.Equals(left.Value, right.Value);

    private static bool AllOverlap(params ReadOnlySpan<IReadOnlyList<ValueRange>> sets)
    {
        IReadOnlyList<ValueRange> both = [];
        foreach (var set in sets)
        {
            if (set.Count == 0)
            {
                continue;
            }

            both = ValueSets.Intersect(both, set);
            if (both.Count == 0)
            {
                return false;
            }
        }

        return true;
    }

    // A page fault reaches the policies whose restriction it breaks. What code restricts at run time is not certain.
    private static bool PagesOverlap(PolicyDefinition leftPolicy, EventFilter left, PolicyDefinition rightPolicy, EventFilter right)
    {
        foreach (var access in (ReadOnlySpan<PageAccess>)[PageAccess.Read, PageAccess.Write, PageAccess.Execute])
        {
            if (((left.Access ?? access) & (right.Access ?? access) & access) != PageAccess.None
                && Guarded(leftPolicy, access) is { Count: > 0 } leftPages
                && Guarded(rightPolicy, access) is { Count: > 0 } rightPages
                && AllOverlap(left.Gpa, right.Gpa, leftPages, rightPages))
            {
                return true;
            }
        }

        return false;
    }

    private static List<ValueRange> Guarded(PolicyDefinition policy, PageAccess access) =>
        [.. policy.Watch.Where(watch => (access & ~watch.Access) != 0).SelectMany(watch => watch.Ranges)];

    private static bool TargetsOverlap(PolicyTarget left, PolicyTarget right)
    {
        if (left.TaggedNames is null && right.TaggedNames is null && left.Uuids.Intersect(right.Uuids).Any())
        {
            return true;
        }

        // The name of a VM that is meant by its UUID is not known.
        return NamesOf(left) is { } leftNames && NamesOf(right) is { } rightNames && Common(leftNames, rightNames).Count > 0;
    }

    private static IReadOnlyList<string>? NamesOf(PolicyTarget target)
    {
        IReadOnlyList<string> names = target.Names.Count > 0 ? target.Names : target.Uuids.Count == 0 ? ["*"] : [];
        return names.Count == 0 ? null : target.TaggedNames is { } tagged ? Common(names, tagged) : names;
    }

    // Of two patterns that have a name in common, the one that matches the other holds exactly the common names.
    private static List<string> Common(IReadOnlyList<string> left, IReadOnlyList<string> right)
    {
        var common = new List<string>();
        foreach (var one in left)
        {
            foreach (var other in right)
            {
                if (NamePattern.Covers(one, other))
                {
                    common.Add(other);
                }
                else if (NamePattern.Covers(other, one))
                {
                    common.Add(one);
                }
            }
        }

        return common;
    }
}
