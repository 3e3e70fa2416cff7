using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>Reads what stands behind the arrow: a decision and actions.</summary>
internal sealed class OutcomeReader
{
    private const int LongestName = 64;

    private static readonly string[] Actions = ["alert", "record", "count"];

    private static readonly Dictionary<string, byte> Vectors = new(StringComparer.Ordinal)
    {
        ["de"] = 0,
        ["db"] = 1,
        ["bp"] = 3,
        ["of"] = 4,
        ["br"] = 5,
        ["ud"] = 6,
        ["nm"] = 7,
        ["df"] = 8,
        ["ts"] = 10,
        ["np"] = 11,
        ["ss"] = 12,
        ["gp"] = 13,
        ["pf"] = 14,
        ["mf"] = 16,
        ["ac"] = 17,
        ["mc"] = 18,
        ["xm"] = 19,
    };

    private readonly Tokens _tokens;
    private readonly PolicyEventInfo _info;
    private readonly ExpressionReader _reader;
    private readonly Outcome _outcome = new();

    public OutcomeReader(Tokens tokens, PolicyEventInfo info, ExpressionReader reader)
    {
        _tokens = tokens;
        _info = info;
        _reader = reader;
    }

    /// <summary>Reads to the end.</summary>
    public Outcome Read()
    {
        var first = true;
        do
        {
            var token = _tokens.Next;
            if (token.Kind != TokenKind.Name)
            {
                throw _tokens.Error(token.Start, $"Expected a decision or an action, found {token}.", Possible());
            }

            _tokens.Take();
            if (Actions.Contains(token.Text))
            {
                ReadAction(token);
            }
            else
            {
                ReadDecision(token, first);
            }

            first = false;
        }
        while (_tokens.TryTake(","));

        return _tokens.Next.Kind == TokenKind.End ? _outcome : throw _tokens.Error(_tokens.Next.Start, $"Expected ',' or the end, found {_tokens.Next}.");
    }

    private string Possible() =>
        $"possible: {string.Join(", ", _info.Legal.Select(DecisionWords.NameOf))}, alert(\"name\"), record(\"name\"), count(field)";

    private void ReadDecision(Token token, bool first)
    {
        if (!Enum.TryParse<DecisionKind>(token.Text, ignoreCase: true, out var kind) || token.Text != DecisionWords.NameOf(kind))
        {
            var words = Enum.GetValues<DecisionKind>().Select(DecisionWords.NameOf).Concat(Actions).ToArray();
            throw _tokens.Error(
                token.Start, $"There is no decision or action {Quoting.Quote(token.Text)}.",
                Spelling.Closest(token.Text, words) is { } near ? $"did you mean '{near}'?" : Possible());
        }

        if (!first)
        {
            throw _tokens.Error(token.Start, "There is one decision, and it stands first behind the arrow.");
        }

        if (!_info.IsLegal(kind))
        {
            throw _tokens.Error(token.Start, $"The decision {token.Text} cannot answer {_info.Name} events.", Possible());
        }

        _outcome.Decision = kind;
        _outcome.Code = kind switch
        {
            DecisionKind.Keep => "Keep(e.Old)",
            DecisionKind.Set => $"Set({InBrackets(token, "set(0x10)")})",
            DecisionKind.Inject => $"Inject({ReadException(token)})",
            DecisionKind.Skip or DecisionKind.Crash => $"{kind}()",
            _ => $"{kind}",
        };
    }

    private string InBrackets(Token token, string example)
    {
        _tokens.Expect("(", $"{token.Text} needs a value: {example}");
        var value = _reader.ReadNumber();
        _tokens.Expect(")");
        return value.Code;
    }

    // inject(ud), inject(gp), inject(pf, address, code), inject(ts, code)
    private string ReadException(Token decision)
    {
        _tokens.Expect("(", "inject needs an exception: inject(ud), inject(gp), inject(pf, gva, 2)");
        var token = _tokens.Take();
        if (!Vectors.TryGetValue(token.Text, out var vector))
        {
            throw _tokens.Error(token.Start, $"There is no exception {Quoting.Quote(token.Text)}.", $"possible: {string.Join(", ", Vectors.Keys)}");
        }

        List<string> numbers = [];
        while (_tokens.TryTake(","))
        {
            numbers.Add(_reader.ReadNumber().Code);
        }

        _tokens.Expect(")");
        return (vector, numbers.Count) switch
        {
            (14, 2) => $"Exceptions.PageFault({numbers[0]}, (uint)({numbers[1]}))",
            (14, _) => throw _tokens.Error(decision.Start, "A page fault has an address and an error code.", "inject(pf, gva, 2)"),
            (6, 0) => "Exceptions.InvalidOpcode",
            (13, 0) => "Exceptions.GeneralProtection",
            (3, 0) => "Exceptions.Breakpoint",
            (_, 0) => $"new GuestException({vector})",
            (_, 1) => $"new GuestException({vector}, (uint)({numbers[0]}))",
            _ => throw _tokens.Error(decision.Start, $"#{token.Text.ToUpperInvariant()} has an error code at most."),
        };
    }

    private void ReadAction(Token token)
    {
        _tokens.Expect("(", $"as in {token.Text}({(token.Text == "count" ? "rip" : "\"name\"")})");
        if (token.Text == "count")
        {
            ReadCount();
            return;
        }

        var name = ReadName();
        List<(string Name, string Code)> fields = [];
        while (_tokens.TryTake(","))
        {
            fields.Add(ReadField(fields));
        }

        _tokens.Expect(")");
        var given = fields.Count > 0;
        var vocabulary = new EventVocabulary(_info);
        if (!given)
        {
            fields = [.. EventVocabulary.AlertFields(_info.Kind).Select(field => (field, vocabulary.Find(field)!.Code))];
        }

        var members = string.Join(", ", fields.Select(field => $"{(vocabulary.Find(field.Name) is null or { Name: "new" } ? "@" : "")}{field.Name} = {field.Code}"));
        var isAlert = token.Text == "alert";
        _outcome.Actions.Add($"{(isAlert ? "Alert" : "Record")}(\"{name}\", new {{ {members} }});");
        (isAlert ? _outcome.Alerts : _outcome.Records).Add(name);
        _outcome.HasFields |= given;
    }

    private string ReadName()
    {
        var token = _tokens.Take();
        var isName = token is { Kind: TokenKind.Text, Text.Length: > 0 and <= LongestName }
            && token.Text.All(character => char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or '-');
        return isName ? token.Text : throw _tokens.Error(token.Start, $"Expected a name in double quotes, of letters, digits, '.', '_' and '-', found {token}.", "alert(\"lstar\")");
    }

    private (string Name, string Code) ReadField(List<(string Name, string Code)> before)
    {
        var token = _tokens.Next;
        string? name = null;
        if (token.Kind == TokenKind.Name && _tokens.Second is { Kind: TokenKind.Sign, Text: "=" })
        {
            name = token.Text;
            _tokens.Take();
            _tokens.Take();
        }

        var value = _reader.ReadAny();
        name ??= value.Field?.Name ?? throw _tokens.Error(token.Start, "A field that is calculated needs a name.", "name = old & 0xfff");
        return before.Exists(field => field.Name == name) ? throw _tokens.Error(token.Start, $"The field {name} stands here twice.") : (name, value.Code);
    }

    private void ReadCount()
    {
        string? name = null;
        if (_tokens.Next.Kind == TokenKind.Text)
        {
            name = ReadName();
            _tokens.Expect(",");
        }

        var start = _tokens.Next.Start;
        var key = _reader.ReadNumber();
        var end = _tokens.Expect(")").Start;
        name ??= key.Field?.Name ?? NameOf(_tokens.Text[start..end]);
        if (_outcome.Counts.Exists(count => count.Name == name))
        {
            throw _tokens.Error(start, $"There is another count of the name {name}.", "give it a name: count(\"by-page\", gpa >> 12)");
        }

        _outcome.Counts.Add((name, $"counts{_outcome.Counts.Count}"));
        _outcome.Actions.Add($"counts{_outcome.Counts.Count - 1}.Add({key.Code});");
    }

    private static string NameOf(string text)
    {
        var words = text.Split(' ', '\t', '\r', '\n').Where(word => word.Length > 0);
        var name = string.Join(' ', words);
        return name.Length > LongestName ? name[..LongestName] : name.Replace('"', '_');
    }
}
