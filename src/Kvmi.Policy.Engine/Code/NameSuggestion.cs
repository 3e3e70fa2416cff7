namespace Kvmi.Policy.Engine.Code;

/// <summary>Finds the name that was probably meant.</summary>
internal static class NameSuggestion
{
    private const int LongestName = 128;

    /// <summary>"did you mean X?", or null when nothing is near enough.</summary>
    public static string? Hint(string name, IEnumerable<string> candidates)
    {
        string? best = null;
        var bestDistance = Math.Max(2, name.Length / 3) + 1;
        foreach (var candidate in candidates)
        {
            var distance = Distance(name, candidate);
            if (distance < bestDistance)
            {
                best = candidate;
                bestDistance = distance;
            }
        }

        return best is null ? null : $"did you mean {best}?";
    }

    private static int Distance(string left, string right)
    {
        // Names come from files: an absurdly long one must not cost a quadratic comparison.
        if (left.Length > LongestName || right.Length > LongestName)
            return int.MaxValue;

        Span<int> row = stackalloc int[right.Length + 1];
        for (var j = 0; j < row.Length; j++)
            row[j] = j;

        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j < row.Length; j++)
            {
                var same = char.ToUpperInvariant(left[i - 1]) == char.ToUpperInvariant(right[j - 1]);
                var next = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (same ? 0 : 1));
                diagonal = row[j];
                row[j] = next;
            }
        }

        return row[^1];
    }
}
