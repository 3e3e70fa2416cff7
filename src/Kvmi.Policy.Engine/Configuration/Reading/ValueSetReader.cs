using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>
/// Sets of numbers as filters, watches and targets write them: a number, $parameter, 0x1000-0x2000, { from, to }, { first, last },
/// { in: [...] }, or a list of those.
/// </summary>
internal sealed class ValueSetReader
{
    // Stands for a parameter without a value. Such a policy cannot run; should it, then this matches no address of a guest.
    internal static readonly ValueRange Nothing = new(ulong.MaxValue, ulong.MaxValue);

    private readonly PolicyContext _context;
    private readonly Func<string, ValueRange?>? _names;
    private readonly IReadOnlyCollection<string> _possibleNames;

    /// <summary>A reader.</summary>
    /// <param name="context">The file.</param>
    /// <param name="names">Meaning of words (MSR names); null when words are not allowed.</param>
    /// <param name="possibleNames">The words, for "did you mean".</param>
    public ValueSetReader(PolicyContext context, Func<string, ValueRange?>? names = null, IReadOnlyCollection<string>? possibleNames = null)
    {
        _context = context;
        _names = names;
        _possibleNames = possibleNames ?? [];
    }

    /// <summary>Reads a set; an empty list when the key is absent. What cannot be read is a finding and left out.</summary>
    /// <param name="node">The value of the key, or null.</param>
    /// <param name="mayBeEmpty">False: an empty list parameter is an error, as "nothing" would silently become "anything".</param>
    public IReadOnlyList<ValueRange> Read(YamlNode? node, bool mayBeEmpty = false)
    {
        var ranges = new List<ValueRange>();
        if (node is not null)
        {
            Collect(node, ranges, mayBeEmpty);
        }

        return ranges;
    }

    private void Collect(YamlNode node, List<ValueRange> ranges, bool mayBeEmpty)
    {
        if (node.Kind == YamlNodeKind.Sequence)
        {
            foreach (var item in node.Items)
            {
                Collect(item, ranges, mayBeEmpty);
            }
        }
        else if (node.Kind == YamlNodeKind.Mapping)
        {
            CollectMapping(node, ranges, mayBeEmpty);
        }
        else if (node.Scalar == YamlScalarKind.Integer)
        {
            ranges.Add(new ValueRange((ulong)node.Integer, (ulong)node.Integer));
        }
        else if (node.Text.StartsWith('$'))
        {
            CollectParameter(node, ranges, mayBeEmpty);
        }
        else if (_names?.Invoke(node.Text) is { } named)
        {
            ranges.Add(named);
        }
        else if (ValueRanges.TryParse(node.Text, out var range))
        {
            ranges.Add(range);
        }
        else
        {
            ReportText(node);
        }
    }

    private void ReportText(YamlNode node)
    {
        if (_names is not null && !char.IsAsciiDigit(node.Text.FirstOrDefault()))
        {
            _context.Findings.Error(node, FindingCodes.MsrNotControllable, $"There is no MSR of the name {Quoting.Quote(node.Text)} here.", Spelling.Hint(node.Text, _possibleNames));
            return;
        }

        var isNumber = YamlScalars.TryInteger(node.Text, out _);
        var hint = isNumber ? "a number in quotes is a string: remove the quotes" : "ranges are half-open: the second number is the first one behind the range";
        _context.Findings.Error(node, FindingCodes.WrongFormat, $"Expected a number, $parameter or a range such as 0x1000-0x2000, found {node.Describe()}.", hint);
    }

    private void CollectMapping(YamlNode node, List<ValueRange> ranges, bool mayBeEmpty)
    {
        if (node["in"] is { } list && node.Properties.Count == 1)
        {
            Collect(list, ranges, mayBeEmpty);
            return;
        }

        var range = default(ValueRange);
        var isRange = node.Properties.Count == 2
            && ((node["from"] is { } from && node["to"] is { } to && ValueRanges.TryCreate(from.Integer, to.Integer, out range))
                || (node["first"] is { } first && node["last"] is { } last && ValueRanges.TryCreate(first.Integer, last.Integer + 1, out range)));
        if (isRange)
        {
            ranges.Add(range);
        }
        else
        {
            _context.Findings.Error(node, FindingCodes.WrongFormat, "Expected { from, to } with from below to, { first, last } with first not above last, or { in: [...] }.");
        }
    }

    private void CollectParameter(YamlNode node, List<ValueRange> ranges, bool mayBeEmpty)
    {
        if (References.Find(_context, node, "addresses, numbers or ranges", ParameterType.Gpa, ParameterType.Gva, ParameterType.GpaRange, ParameterType.Int) is not { } declaration)
        {
            return;
        }

        if (!_context.Parameters.TryGetValue(declaration.Name, out var parameter))
        {
            ranges.Add(Nothing);
            return;
        }

        var values = parameter.IsList ? (IReadOnlyList<object>)parameter.Value : [parameter.Value];
        if (values.Count == 0 && !mayBeEmpty)
        {
            _context.Findings.Error(node, FindingCodes.FilterNeverMatches, $"The parameter {declaration.Name} is an empty list, so nothing can match.", "give it a value, or leave this key out");
            ranges.Add(Nothing);
        }

        foreach (var value in values)
        {
            switch (value)
            {
                case ValueRange range:
                    ranges.Add(range);
                    break;
                case ulong address:
                    ranges.Add(new ValueRange(address, address));
                    break;
                case long number when number >= 0:
                    ranges.Add(new ValueRange((ulong)number, (ulong)number));
                    break;
                default:
                    _context.Findings.Error(node, FindingCodes.BadReference, $"The parameter {declaration.Name} is {RawValues.Show(value)} here, but only numbers from 0 can match.", "give it a min of 0");
                    break;
            }
        }
    }
}
