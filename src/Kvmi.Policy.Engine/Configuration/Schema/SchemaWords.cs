using System.Buffers;
using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Configuration.Schema;

/// <summary>What a schema expects, in words.</summary>
internal static class SchemaWords
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF_");

    /// <summary>The JSON Schema type of a node.</summary>
    public static string TypeOf(YamlNode node) => node.Kind switch
    {
        YamlNodeKind.Mapping => "object",
        YamlNodeKind.Sequence => "array",
        _ => node.Scalar switch
        {
            YamlScalarKind.Null => "null",
            YamlScalarKind.Boolean => "boolean",
            YamlScalarKind.Integer => "integer",
            YamlScalarKind.Number => "number",
            _ => "string",
        },
    };

    public static bool SameValue(YamlNode left, YamlNode right) =>
        left.Scalar == YamlScalarKind.Integer ? left.Integer == right.Integer : left.Text == right.Text;

    public static string Expected(SchemaNode schema)
    {
        if (schema.Expected is not null)
        {
            return schema.Expected;
        }

        if (schema.Enum.Count > 0)
        {
            return schema.Enum.Count > 16 ? "one of the known words" : $"one of {string.Join(", ", schema.Enum.Select(allowed => allowed.Text))}";
        }

        return schema.OneOf.Count > 0
            ? string.Join(" or ", schema.OneOf.Select(Expected))
            : string.Join(" or ", schema.Types.Select(Word));
    }

    public static string Bounds(SchemaNode schema) => (schema.Minimum, schema.Maximum) switch
    {
        ({ } low, { } high) => $"a number from {low} to {high}",
        ({ } low, null) => $"a number not below {low}",
        (null, { } high) => $"a number not above {high}",
        _ => "a number",
    };

    /// <summary>The usual slips: a quoted number, an unquoted string, YAML 1.1's booleans, one element without its list.</summary>
    public static string? TypeHint(YamlNode node, SchemaNode schema)
    {
        var types = schema.OneOf.Count > 0 ? schema.OneOf.SelectMany(branch => branch.Types).ToArray() : schema.Types;
        if (node.Kind == YamlNodeKind.Scalar)
        {
            if (types.Contains("boolean") && node.Text.ToUpperInvariant() is "YES" or "NO" or "ON" or "OFF")
            {
                return "write true or false";
            }

            if (types.Contains("integer") && node.Scalar == YamlScalarKind.String && YamlScalars.TryInteger(node.Text, out _))
            {
                return "a number in quotes is a string: remove the quotes";
            }

            if (types.Contains("integer") && node.Text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            {
                var digits = node.Text.AsSpan(2);
                var wrong = digits.IndexOfAnyExcept(HexDigits);
                return wrong >= 0 ? $"{Quoting.Quote(digits.Slice(wrong, 1).ToString())} is no hexadecimal digit: 0 to 9 and a to f"
                    : digits.IsEmpty ? "digits are missing behind 0x"
                    : "a number has at most 64 bits: 16 hexadecimal digits";
            }

            if (types.Contains("string") && node.Scalar is YamlScalarKind.Integer or YamlScalarKind.Number or YamlScalarKind.Boolean)
            {
                return "put it in quotes";
            }
        }

        return types.Contains("array") && node.Kind != YamlNodeKind.Sequence ? "write a list: [a, b]" : null;
    }

    private static string Word(string type) => type switch
    {
        "object" => "a mapping",
        "array" => "a list",
        "boolean" => "true or false",
        "integer" => "an integer",
        "null" => "nothing",
        _ => $"a {type}",
    };
}
