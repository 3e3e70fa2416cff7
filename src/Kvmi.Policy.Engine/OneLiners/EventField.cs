namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>One thing that an event tells.</summary>
/// <param name="Name">Name in one-liners; the same as in filters and tests.</param>
/// <param name="Code">The C# for it.</param>
/// <param name="Type">What it is.</param>
/// <param name="Filter">True when a filter of this name compares it.</param>
internal sealed record EventField(string Name, string Code, ExpressionType Type, bool Filter);
