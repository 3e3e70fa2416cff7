namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>A one-liner that cannot be understood. The message names what was expected and shows the place with a caret below it.</summary>
public sealed class OneLinerException : Exception
{
    private const int Window = 100;

    internal OneLinerException(string text, int position, string problem, string? hint = null)
        : base(Describe(text, position, problem, hint))
    {
        Problem = problem;
        Position = Math.Clamp(position, 0, text.Length);
        Hint = hint;
    }

    /// <summary>What is wrong, one sentence.</summary>
    public string Problem { get; }

    /// <summary>Where in the text, from 0.</summary>
    public int Position { get; }

    /// <summary>What to do; may be null.</summary>
    public string? Hint { get; }

    /// <summary>A message with the line of the text that is meant and a caret below the place.</summary>
    /// <param name="text">The one-liner.</param>
    /// <param name="position">Place in it, from 0.</param>
    /// <param name="problem">What is wrong.</param>
    /// <param name="hint">What to do; may be null.</param>
    public static string Describe(string text, int position, string problem, string? hint = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        position = Math.Clamp(position, 0, text.Length);
        var start = position < Window - 20 ? 0 : position - (Window / 2);
        var end = Math.Min(text.Length, start + Window);
        var head = start > 0 ? "..." : "";
        var shown = string.Concat(text[start..end].Select(Printable));
        var words = hint is null ? problem : $"{problem} ({hint})";
        return $"{words}\n  {head}{shown}{(end < text.Length ? "..." : "")}\n  {new string(' ', head.Length + position - start)}^";
    }

    // One column for each character, and nothing that a terminal obeys.
    private static char Printable(char character) => character is '\t' or '\n' or '\r' ? ' ' : character is < ' ' or > '~' ? '?' : character;
}
