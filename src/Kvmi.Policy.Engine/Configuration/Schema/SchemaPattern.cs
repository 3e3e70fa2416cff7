using System.Text.RegularExpressions;

namespace Kvmi.Policy.Engine.Configuration.Schema;

/// <summary>
/// A pattern of the schema, made when the first value is compared with it: a start uses few of them. The words come from strangers, so a
/// comparison has a time limit and a word that reaches it does not match. .NET's matcher without backtracking would need none, but takes longer
/// to start than all the rest of reading a policy. Immutable; any thread.
/// </summary>
/// <param name="text">The pattern, as the schema has it.</param>
internal sealed class SchemaPattern(string text)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private readonly Lazy<Regex> _regex = new(() => new Regex(text, RegexOptions.CultureInvariant, Limit));

    /// <summary>True when a word matches.</summary>
    public bool IsMatch(string word)
    {
        try
        {
            return _regex.Value.IsMatch(word);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }
}
