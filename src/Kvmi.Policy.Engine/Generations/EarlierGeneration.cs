namespace Kvmi.Policy.Engine.Generations;

/// <summary>A generation that is not live and whose code is still in memory.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Hold">Why.</param>
/// <param name="Code">What of it is in memory: <c>plugin ID</c>, <c>scripts of ID, ID</c>.</param>
public sealed record EarlierGeneration(int Number, GenerationHold Hold, IReadOnlyList<string> Code);
