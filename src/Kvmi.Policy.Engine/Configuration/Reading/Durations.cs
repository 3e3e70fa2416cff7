using System.Buffers;
using System.Globalization;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Durations as files write them: a number and a unit. What is not a whole number of 100 ns is rounded up.</summary>
internal static class Durations
{
    private static readonly SearchValues<char> NumberLetters = SearchValues.Create("0123456789.");

    private static readonly (string Unit, decimal Ticks)[] Units =
    [
        ("ns", 0.01m),
        ("us", 10m),
        ("ms", 10_000m),
        ("s", 10_000_000m),
        ("m", 600_000_000m),
        ("h", 36_000_000_000m),
        ("d", 864_000_000_000m),
    ];

    /// <summary>As a file would have it, in the largest unit that divides it.</summary>
    public static string Show(TimeSpan duration)
    {
        var (unit, ticks) = Units.LastOrDefault(entry => entry.Ticks >= 1 && duration.Ticks % entry.Ticks == 0);
        return unit is null
            ? string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks * 100}ns")
            : string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / (long)ticks}{unit}");
    }

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var digits = text.AsSpan().IndexOfAnyExcept(NumberLetters);
        if (digits is <= 0 or > 15)
        {
            return false;
        }

        var unit = text[digits..];
        var ticks = Array.Find(Units, entry => entry.Unit == unit).Ticks;
        if (ticks == 0 || !decimal.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        var product = decimal.Ceiling(number * ticks);
        if (product > TimeSpan.MaxValue.Ticks)
        {
            return false;
        }

        duration = new TimeSpan((long)product);
        return true;
    }
}
