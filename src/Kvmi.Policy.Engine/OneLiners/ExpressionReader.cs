using System.Globalization;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>
/// Reads expressions into C#. The event's fields are unsigned numbers of 64 bits, so that no comparison depends on signs or sizes; names with a
/// capital (Memory, Clock, ...) and e are the contract's and go to the compiler as they stand.
/// </summary>
internal sealed class ExpressionReader
{
    private const int Deepest = 64;

    // Weakest first, as in C#.
    private static readonly string[][] Levels = [["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<", "<=", ">", ">="], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]];
    private static readonly int SumLevel = Array.FindIndex(Levels, level => level[0] == "+");
    private static readonly int ComparisonLevel = Array.FindIndex(Levels, level => level[0] == "<");
    private static readonly string[] SingleNumbers = ["cpl", "cr", "xcr"];
    private static readonly string[] BitFunctions = ["changedBits", "clearedBits", "setBits"];
    private static readonly string[] Tables = [.. Enum.GetNames<DescriptorTable>().Select(name => name.ToLowerInvariant())];

    private readonly Tokens _tokens;
    private readonly PolicyEventInfo _info;
    private readonly EventVocabulary _vocabulary;
    private int _depth;

    public ExpressionReader(Tokens tokens, PolicyEventInfo info)
    {
        _tokens = tokens;
        _info = info;
        _vocabulary = new EventVocabulary(info);
    }

    /// <summary>Names of the bits of the register that the one-liner is about; null while there is no such register.</summary>
    public IReadOnlyDictionary<string, int>? Bits { get; set; }

    /// <summary>Reads a condition.</summary>
    public Expression ReadCondition()
    {
        var condition = Read(0);
        RequireCondition(condition);
        return condition;
    }

    /// <summary>Reads a number.</summary>
    public Expression ReadNumber()
    {
        var number = Read(0);
        if (number.Type is ExpressionType.Number or ExpressionType.Member)
        {
            return number;
        }

        throw _tokens.Error(number.Position, "Expected a number here.");
    }

    /// <summary>Reads anything that an alert can show.</summary>
    public Expression ReadAny() => Read(0);

    /// <summary>Reads numbers and half-open ranges that are known now, such as lstar, 0x10 or 0x1000-0x2000.</summary>
    public FilterPart ReadValues(string key, bool mayBeList = true)
    {
        List<ValueRange> ranges = [];
        List<string> words = [];
        do
        {
            ranges.Add(ReadRange(out var word));
            words.Add(word);
        }
        while (mayBeList && _tokens.TryTake("|"));

        return new FilterPart(key, words.Count == 1 ? words[0] : $"[{string.Join(", ", words)}]", ranges);
    }

    /// <summary>Reads the names or the mask of bits, in brackets: (smep, smap).</summary>
    public Expression ReadBits(string key, int position)
    {
        ulong mask = 0;
        List<string> words = [];
        _tokens.Expect("(");
        do
        {
            var bit = Read(SumLevel);
            if (bit.Constant is not { } value || value == 0)
            {
                throw _tokens.Error(bit.Position, $"{key} takes names of bits, or numbers above 0.");
            }

            mask |= value;
            words.Add(bit.Word ?? Hex(value));
        }
        while (_tokens.TryTake(","));

        _tokens.Expect(")");
        var (change, demand) = key switch
        {
            "clearedBits" => ("e.Old & ~e.New", DemandKind.ClearsBit),
            "setBits" => ("~e.Old & e.New", DemandKind.SetsBit),
            _ => ("(e.Old ^ e.New)", DemandKind.ChangesBit),
        };
        return new Expression($"(({change} & {Hex(mask)}UL) != 0)", ExpressionType.Condition, position)
        {
            Filter = new FilterPart(key, words.Count == 1 ? words[0] : $"[{string.Join(", ", words)}]", []),
            Demand = new Demand(key, demand, mask),
        };
    }

    public static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private ValueRange ReadRange(out string word)
    {
        var first = ReadConstant();
        if (!_tokens.TryTake("-") && !_tokens.TryTake(".."))
        {
            word = first.Word ?? Hex(first.Constant!.Value);
            return new ValueRange(first.Constant!.Value, first.Constant.Value);
        }

        var end = ReadConstant();
        if (end.Constant <= first.Constant)
        {
            throw _tokens.Error(end.Position, "This range is empty.", "ranges are half-open: the second number is the first one behind the range");
        }

        word = $"{Hex(first.Constant!.Value)}-{Hex(end.Constant!.Value)}";
        return new ValueRange(first.Constant.Value, end.Constant.Value - 1);
    }

    private Expression ReadConstant()
    {
        var token = _tokens.Next;
        if (token.Kind == TokenKind.Name && _info.Kind == EventKind.Msr && MsrNames.Find(token.Text) is null)
        {
            throw _tokens.Error(token.Start, $"There is no MSR of the name {Quoting.Quote(token.Text)} here.", Spelling.Hint(token.Text, MsrNames.All));
        }

        var constant = token.Kind is TokenKind.Number or TokenKind.Name ? ReadPrimary() : null;
        return constant is { Constant: not null }
            ? constant
            : throw _tokens.Error(token.Start, $"Expected a number{(_info.Kind == EventKind.Msr ? " or the name of an MSR" : "")}, found {token}.");
    }

    private Expression Read(int level)
    {
        if (level == Levels.Length)
        {
            return ReadUnary();
        }

        if (++_depth > Deepest * Levels.Length)
        {
            throw _tokens.Error(_tokens.Next.Start, $"The expression is nested more than {Deepest} deep.");
        }

        var left = Read(level + 1);
        while (true)
        {
            if (level == ComparisonLevel && _tokens.Is("in"))
            {
                _tokens.Take();
                left = ReadIn(left);
            }
            else if (_tokens.Next.Kind == TokenKind.Sign && Levels[level].Contains(_tokens.Next.Text))
            {
                var sign = _tokens.Take();
                left = Join(left, sign, Read(level + 1));
            }
            else
            {
                _depth--;
                return left;
            }
        }
    }

    private Expression ReadUnary()
    {
        var token = _tokens.Next;
        if (token.Kind != TokenKind.Sign || token.Text is not ("!" or "~" or "-"))
        {
            return ReadPrimary();
        }

        _tokens.Take();
        if (++_depth > Deepest * Levels.Length)
        {
            throw _tokens.Error(token.Start, $"The expression is nested more than {Deepest} deep.");
        }

        var operand = ReadUnary();
        _depth--;
        if (token.Text == "!")
        {
            RequireCondition(operand);
            return new Expression($"!{operand.Code}", ExpressionType.Condition, token.Start)
            {
                Filter = operand.Field is { Name: "write" } ? new FilterPart("write", "false", []) : null,
                Demand = operand.Field is { Name: "write" } ? new Demand("write", DemandKind.Equal, 0) : null,
            };
        }

        RequireNumber(operand);
        if (operand.Constant is { } value)
        {
            return Constant(token.Text == "~" ? ~value : 0 - value, token.Start);
        }

        return new Expression(token.Text == "~" ? $"(~{operand.Code})" : $"(0UL - {operand.Code})", operand.Type, token.Start);
    }

    private Expression ReadPrimary()
    {
        var token = _tokens.Take();
        switch (token.Kind)
        {
            case TokenKind.Number:
                return Constant(token.Value, token.Start);
            case TokenKind.Sign when token.Text == "(":
                var inner = Read(0);
                _tokens.Expect(")");

                // Whatever is joined has its own brackets in C# already.
                return inner with { Position = token.Start, Field = null };
            case TokenKind.Name:
                return ReadName(token);
            case TokenKind.Text:
                throw _tokens.Error(token.Start, "A text cannot stand here: events consist of numbers.");
            default:
                throw _tokens.Error(token.Start, $"Expected a number, a field of the event or a condition, found {token}.");
        }
    }

    private Expression ReadName(Token token)
    {
        var name = token.Text;
        if (BitFunctions.Contains(name) && _vocabulary.Find("old") is not null)
        {
            return ReadBits(name, token.Start);
        }

        if (name == "access" && _tokens.Is("("))
        {
            return ReadAccessTest(token);
        }

        if (_vocabulary.Find(name) is { } field)
        {
            return new Expression(SourceMarks.At(token.Start) + field.Code, field.Type, token.Start)
            {
                Field = field,
                Filter = field.Type == ExpressionType.Condition && field.Filter ? new FilterPart(name, "true", []) : null,
                Demand = field.Type != ExpressionType.Condition ? null
                    : name == "changed" ? new Demand(name, DemandKind.Changes, 0) : new Demand(name, DemandKind.Equal, 1),
            };
        }

        if (name is "true" or "false")
        {
            return new Expression(name, ExpressionType.Condition, token.Start);
        }

        if (Bits is not null && Bits.TryGetValue(name, out var bit))
        {
            return Constant(1UL << bit, token.Start) with { Word = name };
        }

        if (_info.Kind == EventKind.Msr && MsrNames.Find(name) is { } msr)
        {
            return Constant(msr.First, token.Start) with { Word = name };
        }

        if (_info.Kind == EventKind.PageFault && TryAccess(name, out var access))
        {
            var kinds = access.ToString().Split(", ").Select(kind => $"PageAccess.{kind}");
            return new Expression($"({string.Join(" | ", kinds)})", ExpressionType.Access, token.Start) { Word = name, Constant = (ulong)access };
        }

        if (_info.Kind == EventKind.Descriptor && Tables.Contains(name))
        {
            return new Expression($"DescriptorTable.{char.ToUpperInvariant(name[0])}{name[1..]}", ExpressionType.Table, token.Start)
            {
                Word = name,
                Constant = (ulong)Enum.Parse<DescriptorTable>(name, ignoreCase: true),
            };
        }

        return char.IsAsciiLetterUpper(name[0]) || name == "e" ? ReadMember(token) : throw UnknownName(token);
    }

    private OneLinerException UnknownName(Token token)
    {
        List<string> names = [.. _vocabulary.Names, .. Bits?.Keys ?? []];
        if (_vocabulary.Find("old") is not null)
        {
            names.AddRange(BitFunctions);
        }

        if (_info.Kind == EventKind.Msr)
        {
            names.AddRange(MsrNames.All);
        }

        var own = _vocabulary.Names.Take(8);
        return _tokens.Error(
            token.Start, $"A {_info.Name} event has no {Quoting.Quote(token.Text)}.",
            Spelling.Closest(token.Text, names) is { } near ? $"did you mean '{near}'?" : $"it has {string.Join(", ", own)} and registers such as rax");
    }

    // Memory.ReadByte(rip), e.Sregs.Efer: the compiler and the allow-list judge it.
    private Expression ReadMember(Token first)
    {
        var code = new System.Text.StringBuilder(SourceMarks.At(first.Start)).Append(first.Text);
        while (true)
        {
            if (_tokens.TryTake("."))
            {
                var name = _tokens.Next;
                if (name.Kind != TokenKind.Name)
                {
                    throw _tokens.Error(name.Start, $"Expected the name of a member, found {name}.");
                }

                code.Append('.').Append(SourceMarks.At(name.Start)).Append(_tokens.Take().Text);
            }
            else if (_tokens.TryTake("("))
            {
                List<string> arguments = [];
                while (!_tokens.Is(")"))
                {
                    if (arguments.Count > 0)
                    {
                        _tokens.Expect(",");
                    }

                    arguments.Add(_tokens.Next.Kind == TokenKind.Text ? $"\"{_tokens.Take().Text}\"" : AsMember(Read(0)));
                }

                _tokens.Expect(")");
                code.Append('(').AppendJoin(", ", arguments).Append(')');
            }
            else
            {
                return new Expression(code.ToString(), ExpressionType.Member, first.Start);
            }
        }
    }

    private Expression ReadAccessTest(Token token)
    {
        _tokens.Expect("(");
        var kinds = ReadAccess();
        _tokens.Expect(")");
        return new Expression($"((e.Access & {kinds.Code}) != 0)", ExpressionType.Condition, token.Start)
        {
            Filter = new FilterPart("access", kinds.Word!, []),
            Demand = new Demand("access", DemandKind.Equal, kinds.Constant!.Value),
        };
    }

    /// <summary>Reads r, w, x or several of them.</summary>
    public Expression ReadAccess()
    {
        var token = _tokens.Next;
        return token.Kind == TokenKind.Name && TryAccess(token.Text, out _)
            ? ReadName(_tokens.Take())
            : throw _tokens.Error(token.Start, $"Expected the access: r, w, x or several of them (rw), found {token}.");
    }

    private static bool TryAccess(string text, out PageAccess access)
    {
        var known = text is "r" or "w" or "x" or "rw" or "rx" or "wx" or "rwx";
        access = known ? AccessWords.Parse(text) : PageAccess.None;
        return known;
    }

    private Expression ReadIn(Expression left)
    {
        RequireNumber(left);
        List<ValueRange>? ranges = [];
        List<string> tests = [];
        List<string> words = [];
        var isList = _tokens.TryTake("[");
        do
        {
            var first = Read(SumLevel);
            RequireNumber(first);
            var end = _tokens.TryTake("..") ? Read(SumLevel) : null;
            if (end is null)
            {
                tests.Add($"({Pair(left, "==", first)})");
            }
            else
            {
                RequireNumber(end);
                tests.Add($"({Pair(left, ">=", first)} && {Pair(left, "<", end)})");
            }

            if (first.Constant is { } low && (end is null || end.Constant is not null))
            {
                var high = end is null ? low : end.Constant!.Value - 1;
                if (end is not null && end.Constant <= low)
                {
                    throw _tokens.Error(end.Position, "This range is empty.", "ranges are half-open: the second number is the first one behind the range");
                }

                ranges?.Add(new ValueRange(low, high));
                words.Add(end is null ? first.Word ?? Hex(low) : $"{Hex(low)}-{Hex(end.Constant!.Value)}");
            }
            else
            {
                ranges = null;
            }
        }
        while (isList && _tokens.TryTake(","));

        if (isList)
        {
            _tokens.Expect("]");
        }

        var field = left.Field is { Filter: true } && !SingleNumbers.Contains(left.Field.Name) ? left.Field.Name : null;
        return new Expression($"({string.Join(" || ", tests)})", ExpressionType.Condition, left.Position)
        {
            Filter = field is null || ranges is null ? null : new FilterPart(field, words.Count == 1 ? words[0] : $"[{string.Join(", ", words)}]", ranges),
            Demand = left.Field is { } known && ranges is not null ? new Demand(known.Name, DemandKind.Equal, ranges[0].First) : null,
        };
    }

    private Expression Join(Expression left, Token sign, Expression right)
    {
        var position = left.Position;
        switch (sign.Text)
        {
            case "&&":
                RequireCondition(left);
                RequireCondition(right);
                return new Expression($"({left.Code} && {right.Code})", ExpressionType.Condition, position)
                {
                    Conjuncts = [.. left.Conjuncts.Count > 0 ? left.Conjuncts : [left], .. right.Conjuncts.Count > 0 ? right.Conjuncts : [right]],
                };
            case "||":
                RequireCondition(left);
                RequireCondition(right);
                return new Expression($"({left.Code} || {right.Code})", ExpressionType.Condition, position);
            case "==" or "!=" when left.Type == right.Type && left.Type is ExpressionType.Condition or ExpressionType.Access or ExpressionType.Table:
                return Compare(left, sign.Text, right, $"({left.Code} {sign.Text} {right.Code})");
            case "==" or "!=" or "<" or "<=" or ">" or ">=":
                RequireNumber(left);
                RequireNumber(right);
                return Compare(left, sign.Text, right, $"({Pair(left, sign.Text, right)})");
            default:
                RequireNumber(left, sign);
                RequireNumber(right, sign);
                return Calculate(left, sign, right);
        }
    }

    private static Expression Compare(Expression left, string sign, Expression right, string code)
    {
        var comparison = new Expression(SourceMarks.At(left.Position) + code, ExpressionType.Condition, left.Position);
        if (left.Field is null && right.Field is not null)
        {
            (left, right) = (right, left);
            sign = sign switch { "<" => ">", "<=" => ">=", ">" => "<", ">=" => "<=", _ => sign };
        }

        if (left.Field is not { } field || right.Constant is not { } value)
        {
            return comparison;
        }

        // At least one of the kinds of access is another question than exactly these; exactly is C#.
        var single = SingleNumbers.Contains(field.Name);
        var filter = !field.Filter ? null
            : sign == "==" && (!single || value <= 255) ? new FilterPart(
                field.Name, single ? value.ToString(CultureInfo.InvariantCulture) : right.Word ?? Hex(value),
                field.Type == ExpressionType.Number ? [new ValueRange(value, value)] : [])
            : field.Type == ExpressionType.Number && !single ? OfRanges(field.Name, Ranges(sign, value)) : null;
        DemandKind? demand = sign switch
        {
            "==" => DemandKind.Equal,
            "!=" => DemandKind.NotEqual,
            ">=" => DemandKind.AtLeast,
            "<=" => DemandKind.AtMost,
            ">" when value < ulong.MaxValue => DemandKind.AtLeast,
            "<" when value > 0 => DemandKind.AtMost,
            _ => null,
        };
        return comparison with
        {
            Filter = filter,
            Demand = demand is { } kind ? new Demand(field.Name, kind, sign == ">" ? value + 1 : sign == "<" ? value - 1 : value) : null,
        };
    }

    // The numbers that a comparison with a constant leaves.
    private static List<ValueRange> Ranges(string sign, ulong value)
    {
        List<ValueRange> ranges = [];
        if ((sign is "<" or "!=") && value > 0)
        {
            ranges.Add(new ValueRange(0, value - 1));
        }

        if ((sign is ">" or "!=") && value < ulong.MaxValue)
        {
            ranges.Add(new ValueRange(value + 1, ulong.MaxValue));
        }

        if (sign is "<=" or ">=")
        {
            ranges.Add(sign == "<=" ? new ValueRange(0, value) : new ValueRange(value, ulong.MaxValue));
        }

        return ranges;
    }

    private static FilterPart? OfRanges(string key, List<ValueRange> ranges)
    {
        var words = ranges.Select(range => $"{{ first: {Hex(range.First)}, last: {Hex(range.Last)} }}").ToArray();
        return words.Length switch
        {
            0 => null,
            1 => new FilterPart(key, words[0], ranges),
            _ => new FilterPart(key, $"[{string.Join(", ", words)}]", ranges),
        };
    }

    private Expression Calculate(Expression left, Token sign, Expression right)
    {
        if (sign.Text is "/" or "%" && right.Constant == 0)
        {
            throw _tokens.Error(right.Position, "This divides by zero.");
        }

        if (left.Constant is { } a && right.Constant is { } b)
        {
            return Constant(
                sign.Text switch
                {
                    "|" => a | b,
                    "^" => a ^ b,
                    "&" => a & b,
                    "<<" => a << (int)(b & 63),
                    ">>" => a >> (int)(b & 63),
                    "+" => a + b,
                    "-" => a - b,
                    "*" => a * b,
                    "/" => a / b,
                    _ => a % b,
                },
                left.Position);
        }

        var type = left.Type == ExpressionType.Member || right.Type == ExpressionType.Member ? ExpressionType.Member : ExpressionType.Number;
        var code = sign.Text is "<<" or ">>" ? $"{left.Code} {sign.Text} (int)({right.Code})" : Pair(left, sign.Text, right);
        return new Expression($"{SourceMarks.At(left.Position)}({code})", type, left.Position);
    }

    // Beside something whose type only the compiler knows, a number stands as it would in C#.
    private static string Pair(Expression left, string sign, Expression right) =>
        left.Type == ExpressionType.Member || right.Type == ExpressionType.Member
            ? $"{AsMember(left)} {sign} {AsMember(right)}"
            : $"{left.Code} {sign} {right.Code}";

    private static string AsMember(Expression expression) =>
        expression is { Constant: { } value, Type: ExpressionType.Number } ? SourceMarks.At(expression.Position) + Hex(value) : expression.Code;

    private static Expression Constant(ulong value, int position) => new($"{Hex(value)}UL", ExpressionType.Number, position) { Constant = value };

    private void RequireCondition(Expression expression)
    {
        if (expression.Type is not (ExpressionType.Condition or ExpressionType.Member))
        {
            throw _tokens.Error(
                expression.Position, "Expected a condition here, and this is none.",
                expression.Type == ExpressionType.Number ? "compare it: rip == 0x1000, (new & 0x800) != 0" : "compare it: access == w, descriptor == idtr");
        }
    }

    private void RequireNumber(Expression expression, Token? sign = null)
    {
        if (expression.Type is ExpressionType.Number or ExpressionType.Member)
        {
            return;
        }

        // As in C#, and just as surprising: a & b == c is a & (b == c).
        var hint = sign is { Text: "&" or "|" or "^" } ? $"put brackets: (a {sign.Value.Text} b) == c" : null;
        throw _tokens.Error(expression.Position, "Expected a number here.", hint);
    }
}
