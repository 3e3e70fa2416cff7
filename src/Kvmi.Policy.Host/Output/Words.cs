using System.Globalization;
using Kvmi.Policy.Engine.Code;
using Kvmi.Protocol;

namespace Kvmi.Policy.Host.Output;

/// <summary>The stable words and number forms of text and JSON output.</summary>
internal static class Words
{
    /// <summary>Name of an event: the one of policy files where there is one.</summary>
    public static string Of(EventKind kind) => PolicyEvents.Find(kind)?.Name ?? CamelCase(kind.ToString());

    /// <summary>allow, retry, set, keep, skip, inject, crash.</summary>
    public static string Of(DecisionKind kind) => CamelCase(kind.ToString());

    /// <summary>First letter in lower case.</summary>
    public static string CamelCase(string name) => name.Length == 0 ? name : char.ToLowerInvariant(name[0]) + name[1..];

    /// <summary>A 64-bit value: 0x and lower-case hexadecimal digits without leading zeros.</summary>
    public static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    /// <summary>A time for people: 850 ns, 12.3 us, 4.56 ms, 1.2 s.</summary>
    public static string Nanoseconds(long value) => value switch
    {
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{value} ns"),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e3:0.0} us"),
        < 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e6:0.00} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value / 1e9:0.00} s"),
    };

    /// <summary>A length of time for people, in the largest unit that gives at least 1: 10 min, 1.5 h, 2 d.</summary>
    public static string Duration(TimeSpan time) => time.TotalSeconds switch
    {
        < 60 => Nanoseconds((long)(time.TotalSeconds * 1e9)).Replace(".00 s", " s", StringComparison.Ordinal),
        < 3_600 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0.##} min"),
        < 86_400 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.##} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:0.##} d"),
    };

    /// <summary>"1 alert", "2 alerts".</summary>
    public static string Count(long number, string noun) => Count(number, noun, noun + "s");

    /// <summary>"1 policy", "2 policies".</summary>
    public static string Count(long number, string one, string many) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {(number == 1 ? one : many)}");
}
