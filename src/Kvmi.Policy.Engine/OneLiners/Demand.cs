namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>What a condition demands of a field.</summary>
/// <param name="Field">The field.</param>
/// <param name="Kind">How it must be.</param>
/// <param name="Value">The number or the bits.</param>
internal sealed record Demand(string Field, DemandKind Kind, ulong Value);
