using System.Globalization;

namespace Kvmi.Session.Placement;

/// <summary>Lists of processors as Linux writes them (cpuset(7), "List format"): <c>0-3,8</c>.</summary>
public static class ProcessorList
{
    /// <summary>Numbers are below this: the mask that the kernel is given has as many bits.</summary>
    public const int Limit = 1024;

    /// <summary>Reads a list.</summary>
    /// <param name="text">Numbers and ranges, separated by commas.</param>
    /// <param name="processors">The numbers, rising, each once; empty when it is no list.</param>
    /// <returns>False when it is no list.</returns>
    public static bool TryParse(string text, out IReadOnlyList<int> processors)
    {
        ArgumentNullException.ThrowIfNull(text);
        processors = [];
        SortedSet<int> numbers = [];
        foreach (var part in text.Split(','))
        {
            var dash = part.IndexOf('-', StringComparison.Ordinal);
            if (!TryNumber(dash < 0 ? part : part[..dash], out var first)
                || !TryNumber(dash < 0 ? part : part[(dash + 1)..], out var last)
                || last < first)
            {
                return false;
            }

            for (var number = first; number <= last; number++)
            {
                numbers.Add(number);
            }
        }

        processors = [.. numbers];
        return true;
    }

    /// <summary>Writes a list.</summary>
    /// <param name="processors">Numbers, rising.</param>
    public static string Write(IReadOnlyList<int> processors)
    {
        ArgumentNullException.ThrowIfNull(processors);
        List<string> parts = [];
        for (var i = 0; i < processors.Count; i++)
        {
            var first = i;
            while (i + 1 < processors.Count && processors[i + 1] == processors[i] + 1)
            {
                i++;
            }

            parts.Add(first == i
                ? processors[i].ToString(CultureInfo.InvariantCulture)
                : string.Create(CultureInfo.InvariantCulture, $"{processors[first]}-{processors[i]}"));
        }

        return string.Join(',', parts);
    }

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < Limit;
}
