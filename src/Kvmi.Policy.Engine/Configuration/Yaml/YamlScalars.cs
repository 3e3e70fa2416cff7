using System.Buffers;
using System.Globalization;

namespace Kvmi.Policy.Engine.Configuration.Yaml;

/// <summary>The meaning of plain scalars: the core words and numbers of YAML 1.2, and underscores between digits.</summary>
internal static class YamlScalars
{
    private const int LongestNumber = 40;

    private static readonly SearchValues<char> NumberLetters = SearchValues.Create("0123456789.eE+-");

    public static YamlScalarKind Classify(string text, out Int128 integer)
    {
        integer = Int128.Zero;
        if (text is "" or "~" or "null" or "Null" or "NULL")
        {
            return YamlScalarKind.Null;
        }

        if (text is "true" or "false" or "True" or "False" or "TRUE" or "FALSE")
        {
            return YamlScalarKind.Boolean;
        }

        if (TryInteger(text, out integer))
        {
            return YamlScalarKind.Integer;
        }

        return IsNumber(text) ? YamlScalarKind.Number : YamlScalarKind.String;
    }

    /// <summary>
    /// Reads 123, -123, 0x1f and 65_536. A decimal number with a leading zero is no integer: YAML 1.1 would read it as octal,
    /// and hashes may begin with zeros.
    /// </summary>
    public static bool TryInteger(ReadOnlySpan<char> text, out Int128 value)
    {
        value = Int128.Zero;
        if (text.Length is 0 or > LongestNumber)
        {
            return false;
        }

        var negative = text[0] == '-';
        var digits = negative ? text[1..] : text;
        var radix = 10;
        if (digits.StartsWith("0x", StringComparison.Ordinal))
        {
            radix = 16;
            digits = digits[2..];
        }
        else if (digits.Length > 1 && digits[0] == '0')
        {
            return false;
        }

        if (digits.Length == 0 || digits[0] == '_' || digits[^1] == '_' || digits.Contains("__", StringComparison.Ordinal))
        {
            return false;
        }

        foreach (var digit in digits)
        {
            if (digit == '_')
            {
                continue;
            }

            if (!char.IsAsciiHexDigit(digit) || (radix == 10 && !char.IsAsciiDigit(digit)))
            {
                return false;
            }

            value = (value * radix) + Convert.ToInt32(digit.ToString(), 16);
            if (value > ulong.MaxValue)
            {
                return false;
            }
        }

        value = negative ? -value : value;
        return value >= long.MinValue;
    }

    private static bool IsNumber(string text) =>
        text.Length <= LongestNumber
        && text.AsSpan().IndexOfAnyExcept(NumberLetters) < 0
        && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
}
