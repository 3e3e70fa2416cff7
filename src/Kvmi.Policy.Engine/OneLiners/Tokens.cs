using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>The words of a one-liner, read one after the other.</summary>
internal sealed class Tokens
{
    /// <summary>A longer one is a policy, and belongs into a file.</summary>
    public const int Longest = 4096;

    private static readonly string[] Signs =
        ["=>", "&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "..", "[", "]", "(", ")", ",", ":", "=", "<", ">", "&", "|", "^", "~", "!", "+", "-", "*", "/", "%", "."];

    private readonly List<Token> _tokens = [];
    private int _next;

    public Tokens(string text)
    {
        Text = text;
        if (text.Length > Longest)
        {
            throw Error(0, $"This one-liner has {text.Length} characters, and {Longest} are possible.", "write a policy: kvmi-policy new NAME");
        }

        Split();
    }

    /// <summary>The one-liner.</summary>
    public string Text { get; }

    /// <summary>The next word.</summary>
    public Token Next => _tokens[_next];

    /// <summary>The word behind the next one.</summary>
    public Token Second => _tokens[Math.Min(_next + 1, _tokens.Count - 1)];

    /// <summary>Takes the next word.</summary>
    public Token Take() => _tokens[_next < _tokens.Count - 1 ? _next++ : _next];

    /// <summary>Is the next word this sign or name?</summary>
    public bool Is(string text) => Next.Kind is TokenKind.Sign or TokenKind.Name && Next.Text == text;

    /// <summary>Takes the next word when it is this one.</summary>
    public bool TryTake(string text)
    {
        var found = Is(text);
        if (found)
        {
            Take();
        }

        return found;
    }

    /// <summary>Takes the next word, which must be this one.</summary>
    public Token Expect(string text, string? hint = null) => Is(text) ? Take() : throw Error(Next.Start, $"Expected '{text}', found {Next}.", hint);

    /// <summary>The one-liner cannot be understood at this place.</summary>
    public OneLinerException Error(int position, string problem, string? hint = null) => new(Text, position, problem, hint);

    private void Split()
    {
        var at = 0;
        while (at < Text.Length)
        {
            var character = Text[at];
            if (character is ' ' or '\t' or '\r' or '\n')
            {
                at++;
            }
            else if (char.IsAsciiDigit(character))
            {
                at = Number(at);
            }
            else if (char.IsAsciiLetter(character) || character == '_')
            {
                var end = WordEnd(at);
                Add(TokenKind.Name, at, end);
                at = end;
            }
            else if (character == '"')
            {
                at = QuotedText(at);
            }
            else if (Array.Find(Signs, sign => Text.AsSpan(at).StartsWith(sign, StringComparison.Ordinal)) is { } sign)
            {
                Add(TokenKind.Sign, at, at + sign.Length);
                at += sign.Length;
            }
            else
            {
                throw Error(at, $"{Quoting.Quote(character.ToString())} has no meaning here.", character == '\'' ? "texts stand in double quotes" : null);
            }
        }

        _tokens.Add(new Token(TokenKind.End, "", Text.Length, Text.Length, 0));
    }

    private int WordEnd(int at)
    {
        while (at < Text.Length && (char.IsAsciiLetterOrDigit(Text[at]) || Text[at] == '_'))
        {
            at++;
        }

        return at;
    }

    private void Add(TokenKind kind, int start, int end, ulong value = 0) => _tokens.Add(new Token(kind, Text[start..end], start, end, value));

    private int Number(int start)
    {
        var end = WordEnd(start);
        if (!YamlScalars.TryInteger(Text.AsSpan(start, end - start), out var value))
        {
            throw Error(start, $"{Quoting.Quote(Text[start..end])} is no number of 64 bits.", "numbers are 12, 0x1f and 65_536");
        }

        Add(TokenKind.Number, start, end, (ulong)value);
        return end;
    }

    private int QuotedText(int start)
    {
        var end = Text.IndexOf('"', start + 1);
        if (end < 0)
        {
            throw Error(start, "The text that begins here does not end.", "add a \"");
        }

        var text = Text[(start + 1)..end];
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0 || text.Contains('\\', StringComparison.Ordinal))
        {
            throw Error(start, "A text has printable ASCII characters only, and no backslash.");
        }

        _tokens.Add(new Token(TokenKind.Text, text, start, end + 1, 0));
        return end + 1;
    }
}
