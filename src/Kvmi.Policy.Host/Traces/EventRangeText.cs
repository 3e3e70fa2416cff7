using System.CommandLine.Parsing;
using System.Globalization;

namespace Kvmi.Policy.Host.Traces;

/// <summary>N..M, N.., ..M or N on the command line: numbers of events, both bounds included.</summary>
internal static class EventRangeText
{
    /// <summary>For an option's custom parser.</summary>
    public static (long First, long Last)? Parse(ArgumentResult result)
    {
        var text = result.Tokens.Count == 0 ? "" : result.Tokens[0].Value;
        var dots = text.IndexOf("..", StringComparison.Ordinal);
        var (first, last) = dots < 0 ? (text, text) : (text[..dots], text[(dots + 2)..]);
        if (TryParse(first, 1, out var from) && TryParse(last, long.MaxValue, out var to) && from <= to && (dots < 0 ? first : first + last).Length > 0)
        {
            return (from, to);
        }

        result.AddError($"'{text}' is no range of events: write 10..20, 10.., ..20 or 10; the first event is 1.");
        return null;
    }

    private static bool TryParse(string text, long open, out long number)
    {
        number = open;
        return text.Length == 0 || (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= 1);
    }
}
