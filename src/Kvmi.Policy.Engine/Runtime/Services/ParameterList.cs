using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>A list parameter, laid out for asking: numbers and ranges merged and sorted, hashes and strings in sets.</summary>
internal sealed class ParameterList : IParameterList
{
    private readonly ValueRange[] _ranges;
    private readonly HashSet<PageHash> _hashes = [];
    private readonly HashSet<string> _strings = new(StringComparer.Ordinal);

    public ParameterList(IEnumerable<object> values)
    {
        var ranges = new List<ValueRange>();
        foreach (var value in values)
        {
            Count++;
            switch (value)
            {
                case ValueRange range:
                    ranges.Add(range);
                    break;
                case ulong number:
                    ranges.Add(new ValueRange(number, number));
                    break;
                case long number:
                    ranges.Add(new ValueRange((ulong)number, (ulong)number));
                    break;
                case PageHash hash:
                    _hashes.Add(hash);
                    break;
                case string text:
                    _strings.Add(text);
                    break;
                default:
                    // bool and duration lists can be counted; IParameterList has no question about them.
                    break;
            }
        }

        _ranges = Merge(ranges);
    }

    public int Count { get; }

    public bool Contains(ulong value)
    {
        var low = 0;
        var high = _ranges.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            if (value < _ranges[middle].First)
            {
                high = middle - 1;
            }
            else if (value > _ranges[middle].Last)
            {
                low = middle + 1;
            }
            else
            {
                return true;
            }
        }

        return false;
    }

    public bool Contains(PageHash hash) => _hashes.Contains(hash);

    public bool Contains(string value) => value is not null && _strings.Contains(value);

    private static ValueRange[] Merge(List<ValueRange> ranges)
    {
        ranges.Sort((left, right) => left.First.CompareTo(right.First));
        var merged = new List<ValueRange>(ranges.Count);
        foreach (var range in ranges)
        {
            if (merged.Count > 0 && range.First <= merged[^1].Last)
            {
                merged[^1] = new ValueRange(merged[^1].First, Math.Max(merged[^1].Last, range.Last));
            }
            else
            {
                merged.Add(range);
            }
        }

        return [.. merged];
    }
}
