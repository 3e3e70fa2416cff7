using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Ranges as files write them: half-open, 0x1000-0x2000.</summary>
internal static class ValueRanges
{
    private static readonly Int128 BehindLast = (Int128)ulong.MaxValue + 1;

    public static bool TryParse(string text, out ValueRange range)
    {
        range = default;
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        return dash > 0
            && YamlScalars.TryInteger(text.AsSpan(0, dash).Trim(), out var from)
            && YamlScalars.TryInteger(text.AsSpan(dash + 1).Trim(), out var end)
            && TryCreate(from, end, out range);
    }

    /// <summary>A range from its first number and the one behind its last.</summary>
    public static bool TryCreate(Int128 from, Int128 end, out ValueRange range)
    {
        var isRange = from >= 0 && from < end && end <= BehindLast;
        range = isRange ? new ValueRange((ulong)from, (ulong)(end - 1)) : default;
        return isRange;
    }
}
