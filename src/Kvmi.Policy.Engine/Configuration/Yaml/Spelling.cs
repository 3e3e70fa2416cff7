namespace Kvmi.Policy.Engine.Configuration.Yaml;

/// <summary>Finds the word that was probably meant.</summary>
internal static class Spelling
{
    private const int LongestWord = 48;

    /// <summary>"did you mean 'X'?", or else the list of what is possible; null when nothing is.</summary>
    public static string? Hint(string wrong, IReadOnlyCollection<string> possible)
    {
        var best = Closest(wrong, possible);
        if (best is not null)
        {
            return $"did you mean '{best}'?";
        }

        return possible.Count is 0 or > 24 ? null : $"possible: {string.Join(", ", possible)}";
    }

    /// <summary>The word that was probably meant; null when none is near.</summary>
    public static string? Closest(string wrong, IReadOnlyCollection<string> possible)
    {
        if (wrong.Length is 0 or > LongestWord)
        {
            return null;
        }

        string? best = null;
        var bestDistance = Math.Max(1, wrong.Length / 3) + 1;
        foreach (var word in possible)
        {
            var distance = Distance(wrong.ToLowerInvariant(), word.ToLowerInvariant());
            if (distance < bestDistance)
            {
                bestDistance = distance;
                best = word;
            }
        }

        return best;
    }

    // Edit distance in which swapping two neighbours counts once: the commonest slip of a typist.
    private static int Distance(string left, string right)
    {
        var rows = new int[left.Length + 1, right.Length + 1];
        for (var i = 0; i <= left.Length; i++)
        {
            rows[i, 0] = i;
        }

        for (var j = 0; j <= right.Length; j++)
        {
            rows[0, j] = j;
        }

        for (var i = 1; i <= left.Length; i++)
        {
            for (var j = 1; j <= right.Length; j++)
            {
                var cost = left[i - 1] == right[j - 1] ? 0 : 1;
                var best = Math.Min(Math.Min(rows[i - 1, j] + 1, rows[i, j - 1] + 1), rows[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    best = Math.Min(best, rows[i - 2, j - 2] + 1);
                }

                rows[i, j] = best;
            }
        }

        return rows[left.Length, right.Length];
    }
}
