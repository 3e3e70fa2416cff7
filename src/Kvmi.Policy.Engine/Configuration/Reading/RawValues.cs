using System.Globalization;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Conversion of plain data (from the file, from overrides) to parameter values.</summary>
internal static class RawValues
{
    public static bool TryConvert(object raw, ParameterType type, out object value, out string problem)
    {
        object? converted = type switch
        {
            ParameterType.Bool => raw as bool?,
            ParameterType.Int => ToInteger(raw) is { } number && number >= long.MinValue && number <= long.MaxValue ? (long)number : null,
            ParameterType.String => raw as string,
            ParameterType.Gva or ParameterType.Gpa => ToInteger(raw) is { } number && number >= 0 ? (ulong)number : null,
            ParameterType.GpaRange => ToRange(raw),
            ParameterType.Duration => raw is string text && Durations.TryParse(text, out var duration) ? duration : null,
            _ => raw is string digits && TryHash(digits, out var hash) ? hash : null,
        };
        value = converted ?? raw;
        problem = converted is null ? $"expected {Expected(type)}, found {Describe(raw)}" : "";
        return converted is not null;
    }

    public static string Describe(object raw) => raw switch
    {
        bool flag => flag ? "the word true" : "the word false",
        string text => $"the string {Quoting.Quote(text)}",
        IReadOnlyList<object> => "a list",
        System.Collections.IDictionary => "a mapping",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => raw.GetType().Name,
    };

    /// <summary>A converted value as a policy file would have it.</summary>
    public static string Show(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        ValueRange { Last: ulong.MaxValue } range => $"{{ first: 0x{range.First:x}, last: 0x{range.Last:x} }}",
        ValueRange range => $"0x{range.First:x}-0x{range.Last + 1:x}",
        PageHash hash => hash.ToString(),
        ulong address => $"0x{address:x}",
        TimeSpan duration => Durations.Show(duration),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static Int128? ToInteger(object raw) => raw switch
    {
        int number => number,
        long number => number,
        uint number => number,
        ulong number => number,
        _ => null,
    };

    private static ValueRange? ToRange(object raw)
    {
        if (raw is string text)
        {
            return ValueRanges.TryParse(text, out var range) ? range : null;
        }

        if (raw is not IReadOnlyDictionary<string, object> { Count: 2 } mapping
            || !mapping.TryGetValue("from", out var from)
            || !mapping.TryGetValue("to", out var to))
        {
            return null;
        }

        return ToInteger(from) is { } first && ToInteger(to) is { } end && ValueRanges.TryCreate(first, end, out var parts) ? parts : null;
    }

    private static bool TryHash(string text, out PageHash hash)
    {
        hash = default;
        if (text.Length != 64)
        {
            return false;
        }

        Span<ulong> parts = stackalloc ulong[4];
        for (var index = 0; index < 4; index++)
        {
            var digits = text.AsSpan(index * 16, 16);
            if (!ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out parts[index]))
            {
                return false;
            }
        }

        hash = new PageHash(parts[0], parts[1], parts[2], parts[3]);
        return true;
    }

    private static string Expected(ParameterType type) => type switch
    {
        ParameterType.Bool => "true or false",
        ParameterType.Int => "a 64-bit signed integer",
        ParameterType.String => "a string (put it in quotes)",
        ParameterType.Gva => "a guest-virtual address, a number without quotes",
        ParameterType.Gpa => "a guest-physical address, a number without quotes",
        ParameterType.GpaRange => "a half-open range such as 0x1000000-0x1200000",
        ParameterType.Duration => "a duration such as 10m",
        _ => "64 hexadecimal digits in quotes",
    };
}
