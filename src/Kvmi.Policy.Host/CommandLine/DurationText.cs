using System.CommandLine.Parsing;
using System.Globalization;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Durations on the command line: a number with a unit.</summary>
internal static class DurationText
{
    private static readonly (string Unit, double Milliseconds)[] Units =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    /// <summary>Reads "500ms", "10s", "1.5m", "2h" or "1d"; more than 0, at most 365 days.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        foreach (var (unit, milliseconds) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
                    out var number))
            {
                var total = number * milliseconds;
                if (total is > 0 and <= 365 * 86_400_000.0)
                {
                    duration = TimeSpan.FromMilliseconds(total);
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>For an option's custom parser.</summary>
    public static TimeSpan? Parse(ArgumentResult result)
    {
        var text = result.Tokens.Count == 0 ? "" : result.Tokens[0].Value;
        if (TryParse(text, out var duration))
        {
            return duration;
        }

        result.AddError($"'{text}' is no duration: give a number with ms, s, m, h or d, for example 10s.");
        return null;
    }
}
