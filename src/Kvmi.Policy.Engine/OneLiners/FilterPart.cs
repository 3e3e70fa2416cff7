using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>One key of a filter.</summary>
/// <param name="Key">The key of when.</param>
/// <param name="Value">Its value, as YAML.</param>
/// <param name="Ranges">The numbers that it stands for; empty for other values.</param>
internal sealed record FilterPart(string Key, string Value, IReadOnlyList<ValueRange> Ranges)
{
    /// <summary>Where it stands in the one-liner.</summary>
    public int Position { get; init; }
}
