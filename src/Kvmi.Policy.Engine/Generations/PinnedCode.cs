namespace Kvmi.Policy.Engine.Generations;

/// <summary>Code of a superseded generation that garbage collections could not take away: something outside refers to it.</summary>
/// <param name="Generation">Number of the generation.</param>
/// <param name="Plugin">Id of the plugin; null: the generation's scripts.</param>
/// <param name="Collections">Full collections that it has outlived since everybody let go of it.</param>
public sealed record PinnedCode(int Generation, string? Plugin, int Collections);
