using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>spec.watch.</summary>
internal static class WatchSection
{
    private const ulong OffsetInPage = 0xfff;

    // Each page is an entry in a command when the policy is loaded, and again when it is unloaded.
    private const ulong MostPages = 262_144;

    public static IReadOnlyList<PolicyWatch> Read(PolicyContext context)
    {
        var watches = new List<PolicyWatch>();
        var budget = MostPages;
        foreach (var node in context.Spec["watch"]?.Items ?? [])
        {
            var rangeNode = node["range"]!;
            var ranges = new ValueSetReader(context).Read(rangeNode, mayBeEmpty: true);
            watches.Add(new PolicyWatch(Check(context, rangeNode, ranges, ref budget), AccessWords.Parse(node["access"]!.Text), context.At(node)));
        }

        return watches;
    }

    private static List<ValueRange> Check(PolicyContext context, YamlNode node, IReadOnlyList<ValueRange> ranges, ref ulong budget)
    {
        var good = new List<ValueRange>(ranges.Count);
        foreach (var range in ranges)
        {
            // The place holder of a parameter without a value; see ValueSetReader.
            if (range.First == ulong.MaxValue)
            {
                continue;
            }

            if ((range.First & OffsetInPage) != 0 || (range.Last & OffsetInPage) != OffsetInPage)
            {
                context.Findings.Error(node, FindingCodes.WatchAlignment, $"The watched range 0x{range.First:x} to 0x{range.Last:x} does not begin and end on page boundaries (multiples of 0x1000).", "widen it to whole pages");
                continue;
            }

            var pages = ((range.Last - range.First) >> 12) + 1;
            if (pages > budget)
            {
                context.Findings.Error(node, FindingCodes.WatchTooLarge, $"The policy watches more than {MostPages} pages (1 GiB).", "watch less");
                break;
            }

            budget -= pages;
            good.Add(range);
        }

        return good;
    }
}
