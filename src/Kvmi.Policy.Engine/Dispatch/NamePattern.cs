namespace Kvmi.Policy.Engine.Dispatch;

/// <summary>VM names in policy files: exact, or with <c>*</c> at the end for any rest.</summary>
internal static class NamePattern
{
    public static bool MatchesAny(IReadOnlyList<string> patterns, string name) => patterns.Any(pattern => Matches(pattern, name));

    public static bool Matches(string pattern, string name) =>
        pattern.EndsWith('*')
            ? name.StartsWith(pattern[..^1], StringComparison.Ordinal)
            : string.Equals(pattern, name, StringComparison.Ordinal);

    /// <summary>True when every name that <paramref name="narrow"/> matches is matched by <paramref name="wide"/>, too.</summary>
    public static bool Covers(string wide, string narrow) =>
        wide.EndsWith('*') ? narrow.TrimEnd('*').StartsWith(wide[..^1], StringComparison.Ordinal) : string.Equals(wide, narrow, StringComparison.Ordinal);
}
