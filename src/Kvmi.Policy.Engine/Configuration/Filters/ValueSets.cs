using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Filters;

/// <summary>Sets of 64-bit numbers as filters have them: ranges in any order, and no range at all for every number.</summary>
internal static class ValueSets
{
    private static readonly ValueRange[] Everything = [new(0, ulong.MaxValue)];

    /// <summary>The numbers that are in both; empty when there are none. The ranges are in order and do not touch each other's numbers.</summary>
    public static IReadOnlyList<ValueRange> Intersect(IReadOnlyList<ValueRange> left, IReadOnlyList<ValueRange> right)
    {
        var (a, b) = (Normalize(left), Normalize(right));
        var both = new List<ValueRange>();
        for (int i = 0, j = 0; i < a.Count && j < b.Count;)
        {
            var (first, last) = (Math.Max(a[i].First, b[j].First), Math.Min(a[i].Last, b[j].Last));
            if (first <= last)
            {
                both.Add(new ValueRange(first, last));
            }

            if (a[i].Last < b[j].Last)
            {
                i++;
            }
            else
            {
                j++;
            }
        }

        return both;
    }

    /// <summary>Is there a number that is in both?</summary>
    public static bool Overlap(IReadOnlyList<ValueRange> left, IReadOnlyList<ValueRange> right) =>
        left.Count == 0 || right.Count == 0 || Intersect(left, right).Count > 0;

    /// <summary>Is there a number in the set that has these bits in these places?</summary>
    public static bool HasBits(IReadOnlyList<ValueRange> set, ulong places, ulong bits)
    {
        foreach (var range in set)
        {
            if (NextWithBits(range.First, places, bits) is { } value && value <= range.Last)
            {
                return true;
            }
        }

        return set.Count == 0;
    }

    /// <summary>The smallest number from <paramref name="from"/> on that has these bits in these places; null when there is none.</summary>
    internal static ulong? NextWithBits(ulong from, ulong places, ulong bits)
    {
        var wrong = (from ^ bits) & places;
        if (wrong == 0)
        {
            return from;
        }

        // The highest wrong bit goes up where it has to become 1; otherwise the next free 0 above it does.
        var at = 63 - (int)ulong.LeadingZeroCount(wrong);
        if ((bits >> at & 1) == 0)
        {
            var free = ~places & ~from & ~Below(at + 1);
            if (free == 0)
            {
                return null;
            }

            at = (int)ulong.TrailingZeroCount(free);
        }

        return (from & ~Below(at + 1)) | (1UL << at) | (bits & places & Below(at));
    }

    /// <summary>The numbers in order, ranges that touch joined.</summary>
    private static IReadOnlyList<ValueRange> Normalize(IReadOnlyList<ValueRange> set)
    {
        if (set.Count == 0)
        {
            return Everything;
        }

        var joined = new List<ValueRange>(set.Count);
        foreach (var range in set.OrderBy(range => range.First))
        {
            if (joined.Count > 0 && range.First <= joined[^1].Last)
            {
                joined[^1] = new ValueRange(joined[^1].First, Math.Max(joined[^1].Last, range.Last));
            }
            else
            {
                joined.Add(range);
            }
        }

        return joined;
    }

    private static ulong Below(int bit) => bit > 63 ? ulong.MaxValue : (1UL << bit) - 1;
}
