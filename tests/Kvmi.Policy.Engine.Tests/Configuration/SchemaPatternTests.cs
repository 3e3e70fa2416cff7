using System.Text.RegularExpressions;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Configuration.Schema;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>
/// Every pattern of the schema against a matcher that cannot backtrack: the same answers, for short words and for long ones, on which a pattern that
/// backtracks too much would reach its time limit and answer no.
/// </summary>
public sealed partial class SchemaPatternTests
{
    private const string Alphabet = "aZ09_.-/+ *T\n!f";

    public static TheoryData<string> Patterns => [.. Quoted().Matches(PolicySchema.Text)
        .Select(match => match.Groups[1].Value.Replace(@"\\", @"\", StringComparison.Ordinal).Replace(@"\n", "\n", StringComparison.Ordinal)).Distinct()];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void A_pattern_says_the_same_as_a_matcher_without_backtracking(string text)
    {
        var pattern = new SchemaPattern(text);
        var reference = new Regex(text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        var random = new Random(text.Length);
        for (var round = 0; round < 2000; round++)
        {
            var word = new string([.. Enumerable.Range(0, random.Next(24)).Select(_ => Alphabet[random.Next(Alphabet.Length)])]);
            Assert.Equal(reference.IsMatch(word), pattern.IsMatch(word));
        }

        string[] parts = ["a", "0", "a-", "a.", "1.", "0-", "ff ", "ff", "A_", "a-a.", "1-", "*", " ", "\n"];
        foreach (var part in parts)
        {
            var many = string.Concat(Enumerable.Repeat(part, 20_000));
            foreach (var word in new[] { many, many + "!", many + "a", "1.2.3-" + many, "1.2.3-" + many + "!", "T1014" + many })
                Assert.Equal(reference.IsMatch(word), pattern.IsMatch(word));
        }
    }

    [Fact]
    public void The_patterns_were_found() => Assert.True(Patterns.Count >= 15);

    [GeneratedRegex("pattern: \"([^\"]+)\"")]
    private static partial Regex Quoted();
}
