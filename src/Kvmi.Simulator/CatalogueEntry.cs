namespace Kvmi.Simulator;

/// <summary>Something that a scenario can be made of, for lists that people read.</summary>
/// <param name="Name">The name that options and scenario files use.</param>
/// <param name="Description">What it is, in one line without a full stop.</param>
public sealed record CatalogueEntry(string Name, string Description);
