using System.IO.Enumeration;

namespace Kvmi.Policy.Host.PolicyTests;

/// <summary>Which tests are wanted, by the id of their policy and their name. Letters count without their case.</summary>
internal sealed class TestFilter(IReadOnlyList<string> patterns)
{
    /// <summary>False when everything is wanted.</summary>
    public bool IsSet => patterns.Count > 0;

    /// <summary>The patterns as they were given.</summary>
    public override string ToString() => string.Join(", ", patterns.Select(pattern => $"'{pattern}'"));

    /// <summary>Is a test wanted?</summary>
    public bool Matches(string policy, string test) =>
        !IsSet || patterns.Any(pattern => IsMatch(pattern, policy) || IsMatch(pattern, test) || IsMatch(pattern, $"{policy}: {test}"));

    private static bool IsMatch(string pattern, string text) => pattern.AsSpan().IndexOfAny('*', '?') < 0
        ? text.Contains(pattern, StringComparison.OrdinalIgnoreCase)
        : FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\", StringComparison.Ordinal), text);
}
