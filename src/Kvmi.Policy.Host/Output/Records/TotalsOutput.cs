using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>The last line of validate, test, replay, decode, dialects and doctor: what was counted.</summary>
internal sealed record TotalsOutput : OutputRecord
{
    /// <summary>validation, tests, replay, decode, dialects or doctor.</summary>
    public required string Kind { get; init; }

    /// <summary>Counts by name, as the JSON line has them.</summary>
    public required IReadOnlyList<KeyValuePair<string, long>> Counts { get; init; }

    /// <summary>The line for people.</summary>
    public required string Text { get; init; }
}
