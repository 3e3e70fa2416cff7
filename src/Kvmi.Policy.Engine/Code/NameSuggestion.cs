namespace Kvmi.Policy.Engine.Code;

/// <summary>Finds the name that was probably meant.</summary>
internal static class NameSuggestion
{
    private const int LongestName = 128;

    /// <summary>"did you mean X?", or null when nothing is near enough.</summary>
    public static string? Hint(string name, IEnumerable<string> candidates)
    {
        string? best = null;
        var bestDistance = Math.Max(1, name.Length / 3) + 1;
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

        // Two neighbours that changed places count once: the commonest slip of a typist.
        Span<int> before = stackalloc int[right.Length + 1];
        Span<int> above = stackalloc int[right.Length + 1];
        Span<int> row = stackalloc int[right.Length + 1];
        for (var j = 0; j < row.Length; j++)
            row[j] = j;

        for (var i = 1; i <= left.Length; i++)
        {
            var free = before;
            before = above;
            above = row;
            row = free;
            row[0] = i;
            for (var j = 1; j < row.Length; j++)
            {
                var best = Math.Min(Math.Min(above[j], row[j - 1]) + 1, above[j - 1] + (Same(left[i - 1], right[j - 1]) ? 0 : 1));
                if (i > 1 && j > 1 && Same(left[i - 1], right[j - 2]) && Same(left[i - 2], right[j - 1]))
                    best = Math.Min(best, before[j - 2] + 1);

                row[j] = best;
            }
        }

        return row[^1];
    }

    private static bool Same(char left, char right) => char.ToUpperInvariant(left) == char.ToUpperInvariant(right);
}
